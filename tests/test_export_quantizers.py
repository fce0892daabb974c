"""Quantizers of every kind in small networks: the import equals onnxruntime, integer where it can be."""

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgekit.errors import ModelError
from edgekit.export.from_onnx import from_onnx
from edgekit.export.model import OPSET, Model
from edgekit.export.verify import run_hops, snr_db
from edgekit.quantize.integer import to_integer
from edgekit.quantize.oracle import Oracle
from edgekit.targets.macs import float_layers
from edgekit.targets.target import TARGETS

SAMPLES = 20
MICROSOFT = ', "com.microsoft": 1'
F32 = np.float32
GRIDS = {
    "xs": F32(0.03), "xz": np.uint8(117), "ys": F32(0.04), "yz": np.uint8(140),
    "ss": F32(0.05), "sz": np.int8(-11),
}  # fmt: skip


def parse(text: str, domains: str = "", opset: int = OPSET, **weights: object) -> onnx.ModelProto:
    """A network of its text and those constants that it names."""
    header = f'<ir_version: 10, opset_import: ["": {opset}{domains}]> net'
    proto = onnx.parser.parse_model(f"{header} {text}")
    read = {name for node in proto.graph.node for name in node.input}
    for name, array in (GRIDS | weights).items():
        if name in read:
            tensor = onnx.numpy_helper.from_array(np.asarray(array), name)
            proto.graph.initializer.append(tensor)
    return proto


def imported(proto: onnx.ModelProto) -> Model:
    return from_onnx(proto.SerializeToString(), name="net")


def draw(model: Model, seed: int = 3) -> dict[str, NDArray]:
    random, inputs = np.random.default_rng(seed), {}
    for value in model.stream_inputs:
        shape, dtype = (SAMPLES, *(int(d) for d in value.shape)), value.dtype.numpy()
        if dtype == np.float32:
            inputs[str(value.name)] = random.normal(size=shape).astype(dtype)
        else:
            info = np.iinfo(dtype)
            inputs[str(value.name)] = random.integers(
                max(info.min, -999), min(info.max, 999), shape, dtype, True
            )
    return inputs


def onnxruntime_runs(proto: onnx.ModelProto, inputs: dict[str, NDArray]) -> NDArray:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options)
    hops = [{name: array[i] for name, array in inputs.items()} for i in range(SAMPLES)]
    return np.stack([session.run(None, hop)[0] for hop in hops])


def integers(*shape: int, dtype: type = np.int8, low: int = -127, high: int = 127) -> NDArray:
    return np.random.default_rng(len(shape)).integers(low, high, shape, dtype, True)


def normal(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


# one operator between Q/DQ pairs: (operator line from xd to z, output shape, further constants)
FRAMED = {
    "conv": ("z = Conv <pads = [1, 1, 1, 1]> (xd, wd, bd)", (1, 5, 6, 8), {}),
    "conv_float_bias": ("z = Conv (xd, wd, b)", (1, 5, 4, 6), {"b": normal(5)}),
    "conv_relu": ("a = Conv (xd, wd) z = Relu (a)", (1, 5, 4, 6), {}),
    "conv_clip": ("a = Conv (xd, wd) z = Clip (a, lo, hi)", (1, 5, 4, 6), {
        "lo": F32(0), "hi": F32(1.5),
    }),
    "add": ("z = Add (xd, xd)", (1, 4, 6, 8), {}),
    "mul": ("z = Mul (xd, xd)", (1, 4, 6, 8), {}),
    "add_constant": ("z = Add (xd, cd)", (1, 4, 6, 8), {}),
    "concat": ("z = Concat <axis = 2> (xd, xd)", (1, 4, 12, 8), {}),
    "transpose": ("z = Transpose <perm = [0, 3, 1, 2]> (xd)", (1, 8, 4, 6), {}),
    "reshape": ("z = Reshape (xd, dims)", (1, 48, 4), {"dims": np.array([1, 48, 4])}),
    "max_pool": ("z = MaxPool <kernel_shape = [2, 2]> (xd)", (1, 4, 5, 7), {}),
    "average_pool": ("z = AveragePool <kernel_shape = [3, 2]> (xd)", (1, 4, 4, 7), {}),
    "global_average_pool": ("z = GlobalAveragePool (xd)", (1, 4, 1, 1), {}),
    "resize": ("z = Resize <mode = \"nearest\"> (xd, , sizes)", (1, 4, 12, 16), {
        "sizes": np.array([1, 1, 2, 2], F32),
    }),
    "sigmoid": ("z = Sigmoid (xd)", (1, 4, 6, 8), {}),
    "leaky_relu": ("z = LeakyRelu <alpha = 0.1> (xd)", (1, 4, 6, 8), {}),
    "hard_swish": ("z = HardSwish (xd)", (1, 4, 6, 8), {}),
    "prelu": ("z = PRelu (xd, slope)", (1, 4, 6, 8), {"slope": normal(4, 1, 1)}),
}  # fmt: skip
WEIGHTS = {
    "w": integers(5, 4, 3, 3), "ws": np.linspace(0.002, 0.004, 5, dtype=F32),
    "wz": np.zeros(5, np.int8), "b": integers(5, dtype=np.int32, low=-3000, high=3000),
    "bs": F32(0.03) * np.linspace(0.002, 0.004, 5, dtype=F32), "bz": np.zeros(5, np.int32),
    "c": integers(4, 1, 1, dtype=np.uint8, low=0, high=255), "cs": F32(0.02), "cz": np.uint8(99),
}  # fmt: skip


@pytest.mark.parametrize("name", FRAMED)
def test_each_operator_is_within_one_step_of_onnxruntime(name: str) -> None:
    line, shape, more = FRAMED[name]
    proto = parse(
        f"""(float[1,4,6,8] x) => (float[{",".join(map(str, shape))}] y) {{
          xq = QuantizeLinear (x, xs, xz)
          xd = DequantizeLinear (xq, xs, xz)
          wd = DequantizeLinear <axis = 0> (w, ws, wz)
          bd = DequantizeLinear <axis = 0> (b, bs, bz)
          cd = DequantizeLinear (c, cs, cz)
          {line}
          zq = QuantizeLinear (z, ys, yz)
          y = DequantizeLinear (zq, ys, yz)
        }}""",
        **WEIGHTS | more,
    )
    model = imported(proto)
    graph = to_integer(model).ir.graph
    float_nodes = {n.op_type for n in graph if n.outputs[0].dtype.name == "FLOAT"}
    assert float_nodes == {"Dequantize"}
    inputs = draw(model)
    found = Oracle(model).run_hops(inputs)["y"]
    for expected in (onnxruntime_runs(proto, inputs), run_hops(model, inputs)["y"]):
        steps = np.rint((found - expected) / GRIDS["ys"])
        assert np.abs(steps).max() <= 1
        assert np.count_nonzero(steps) <= 0.02 * steps.size
