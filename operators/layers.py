"""Float products, convolutions and recurrent cells, in the scalar order of the C kernels."""

import numpy as np
import onnx_ir as ir

from edgekit.graph.nodes import attribute
from edgekit.operators.deform.twin import ek_deform_conv_f32, ek_square_deform_s8
from edgekit.operators.geometry import conv_shape, matmul_shapes
from edgekit.operators.operator import Array, integer, tensor
from edgekit.operators.pointwise import twin as pointwise_twin
from edgekit.operators.recurrent import twin as recurrent_twin


def gemm(node: ir.Node, x: list[Array]) -> list[Array]:
    """Gemm with constant weights."""
    w = x[1].T if integer(node, "transB", 0) else x[1]
    bias = (
        np.broadcast_to(np.ravel(x[2]), (w.shape[1],)) if len(x) > 2 and x[2] is not None else None
    )
    return [pointwise_twin.ek_fc_f32(x[0].reshape(-1, w.shape[0]), w, bias)]


def matmul(node: ir.Node, x: list[Array]) -> list[Array]:
    """Product of two tensors; leading dimensions are broadcast."""
    left, right, batch = matmul_shapes(x[0].shape, x[1].shape)
    a = np.broadcast_to(x[0].reshape(left), (*batch, *left[-2:])).reshape(-1, *left[-2:])
    b = np.broadcast_to(x[1].reshape(right), (*batch, *right[-2:])).reshape(-1, *right[-2:])
    return [np.stack([pointwise_twin.ek_matmul_f32(p, q) for p, q in zip(a, b, strict=True)])]


def conv(node: ir.Node, x: list[Array]) -> list[Array]:
    """Conv or ConvTranspose, image by image."""
    shape = conv_shape(node, list(x[1].shape[2:]))
    run = (
        pointwise_twin.ek_conv_f32
        if node.op_type == "Conv"
        else pointwise_twin.ek_conv_transpose_f32
    )
    w = x[1].reshape(*x[1].shape[:2], shape.k_h, shape.k_w)
    bias = x[2] if len(x) > 2 else None
    images = x[0].reshape(-1, shape.in_c, shape.in_h, shape.in_w)
    return [np.stack([run(image, w, bias, shape) for image in images])]


def deform_conv(node: ir.Node, x: list[Array]) -> list[Array]:
    """DeformConv, image by image."""
    shape = conv_shape(node, list(x[1].shape[2:]))
    bias = x[3] if len(x) > 3 else None
    masks = x[4] if len(x) > 4 else [None] * len(x[0])
    groups = integer(node, "offset_group", 1)
    images = zip(x[0], x[2], masks, strict=True)
    return [
        np.stack([ek_deform_conv_f32(a, x[1], b, bias, m, groups, shape) for a, b, m in images])
    ]


def square_deform_int(node: ir.Node, x: list[Array]) -> list[Array]:
    """SquareDeform of one picture."""
    w, bias, mult, shift = (tensor(node, n) for n in ("w", "bias", "mult", "shift"))
    numbers = [integer(node, n) for n in ("x_zero", "d_min", "d_max", "y_zero", "y_min", "y_max")]
    x_zero, d_min, d_max, *limits = numbers
    weights = w.reshape(-1, 3, 3)
    y = ek_square_deform_s8(
        x[0][0], x_zero, x[1][0, 0], d_min, d_max, weights, bias, mult, shift, *limits
    )
    return [y[None]]


def recurrent(node: ir.Node, x: list[Array]) -> list[Array]:
    """GRU, LSTM or RNN, every time step."""
    x = [*x, *[None] * (7 - len(x))]  # type: ignore[list-item]
    w, r = x[1][0].T, x[2][0].T
    rows, units = w.shape[1], r.shape[0]
    bias = np.zeros(2 * rows, np.float32) if x[3] is None else x[3][0]
    zeros = np.zeros((x[0].shape[1], units), np.float32)
    h, c = (zeros if s is None else s.reshape(zeros.shape) for s in x[5:7])
    steps = []
    for step in x[0]:
        if node.op_type == "LSTM":
            h, c = recurrent_twin.ek_lstm_f32(step, h, c, w, r, bias[:rows] + bias[rows:])
        elif node.op_type == "RNN":
            both = bias[:rows] + bias[rows:]
            h = recurrent_twin.ek_rnn_f32(step, h, w, r, both, rectified(node))
        else:
            reset = integer(node, "linear_before_reset", 0)
            h = recurrent_twin.ek_gru_f32(step, h, w, r, bias[:rows], bias[rows:], reset)
        steps.append(h)
    return [np.stack(steps), h, c]


def rectified(node: ir.Node) -> int:
    """Whether an RNN's activation is Relu instead of Tanh, as 1 or 0."""
    return int(tuple(attribute(node, "activations", ())) == ("Relu",))
