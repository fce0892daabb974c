"""Small networks that between them have most of what an .onnx file can hold, to be damaged by tests."""

import numpy as np
import onnx
from onnx import numpy_helper

HEADER = '<ir_version: 8, opset_import: ["": {opset}]> net'

CONVOLUTION = """(float[1,2,8,8] x) => (float[1,3,a,b] y) {
  c = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1], strides = [2, 2]> (x, w, b)
  n = BatchNormalization (c, g, g, b, g)
  r = Relu (n)
  p = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (r)
  u = Resize <mode = "nearest"> (p, , scales)
  s = Sigmoid (u)
  y = Mul (u, s)
}"""
RECURRENT = """(float[1,3,4] x, float[1,1,5] h) => (float[a,b] y, float[1,1,5] h_next) {
  t = Transpose <perm = [1, 0, 2]> (x)
  g, h_next = GRU <hidden_size = 5, linear_before_reset = 1> (t, w, r, b, , h)
  s = Shape (g)
  i = Constant <value_ints = [0]> ()
  n = Gather <axis = 0> (s, i)
  m = Constant <value_ints = [-1]> ()
  d = Concat <axis = 0> (n, m)
  q = Reshape (g, d)
  y = Softmax (q)
}"""
CHOICE = """(float[2,6] x) => (float[2,a] y) {
  s = Shape (x)
  one = Constant <value_ints = [1]> ()
  n = Gather (s, one)
  six = Constant <value = int64[1] {6}> ()
  is = Equal (n, six)
  c = Squeeze (is)
  z = If (c) <
    then_branch = then_graph () => (float[2,6] t) { t = Tanh (x) },
    else_branch = else_graph () => (float[2,6] e) { e = Neg (x) }
  >
  k, l = Split <axis = 1, num_outputs = 2> (z)
  two = Constant <value_ints = [2, 3]> ()
  v = Expand (l, two)
  f = Pad (v, pads)
  a = Slice (f, one, two)
  y = Gemm <alpha = 0.5> (v, w, b)
}"""
QUANTIZED = """(float[1,4] x) => (float[1,2] y) {
  xq = QuantizeLinear (x, xs, xz)
  xd = DequantizeLinear (xq, xs, xz)
  wd = DequantizeLinear <axis = 1> (w, ws, wz)
  a = MatMul (xd, wd)
  y = Clip (a, low, high)
}"""


def network(text: str, opset: int, **weights: np.ndarray) -> bytes:
    proto = onnx.parser.parse_model(f"{HEADER.format(opset=opset)} {text}")
    for name, array in weights.items():
        proto.graph.initializer.append(numpy_helper.from_array(array, name))
    return proto.SerializeToString()


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(len(shape)).normal(size=shape).astype(np.float32)


NETWORKS = {
    "convolution": lambda width=3: network(
        CONVOLUTION,
        13,
        w=normal(width, 2, 3, 3),
        b=normal(width),
        g=np.full(width, 0.5, np.float32),
        scales=np.array([1, 1, 2, 2], np.float32),
    ),
    "recurrent": lambda: network(
        RECURRENT, 17, w=normal(1, 15, 4), r=normal(1, 15, 5), b=normal(1, 30)
    ),
    "choice": lambda: network(
        CHOICE, 18, w=normal(3, 2), b=normal(2), pads=np.array([0, 1, 0, 1], np.int64)
    ),
    "quantized": lambda: network(
        QUANTIZED,
        21,
        xs=np.array(0.1, np.float32),
        xz=np.array(3, np.int8),
        w=np.arange(8, dtype=np.int8).reshape(4, 2),
        ws=np.array([0.1, 0.2], np.float32),
        wz=np.zeros(2, np.int8),
        low=np.array(-1, np.float32),
        high=np.array(1, np.float32),
    ),
}
