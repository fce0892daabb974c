"""Integer operators: the kernels' twins."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx_ir as ir

from edgekit.operators import fixed_point
from edgekit.operators.geometry import ConvShape, ints, matmul_shapes
from edgekit.operators.linear import twin as linear_twin
from edgekit.operators.operator import Array, integer, kernel, result, tensor, widths
from edgekit.operators.pointwise import tables as lookup_tables
from edgekit.operators.pointwise import twin as pointwise_twin
from edgekit.operators.recurrent import twin as recurrent_twin

GATE_ARRAYS = ("w", "r", "w_bias", "r_bias", "w_mult", "w_shift", "r_mult", "r_shift")


def quantize(node: ir.Node, x: list[Array]) -> list[Array]:
    """Float to integer."""
    run = kernel(fixed_point, "ek_quantize", result(node))
    return [run(x[0], node.attributes["scale"].as_float(), integer(node, "zero"))]


def dequantize(node: ir.Node, x: list[Array]) -> list[Array]:
    """Integer to float."""
    run = kernel(fixed_point, "ek_dequantize", x[0])
    return [run(x[0], node.attributes["scale"].as_float(), integer(node, "zero"))]


def fake_quantize(node: ir.Node, x: list[Array]) -> list[Array]:
    """Float to float on a row of grids."""
    return [pointwise_twin.ek_fake_quantize_f32(x[0], x[1][integer(node, "row")])]


def requantize(node: ir.Node, x: list[Array]) -> list[Array]:
    """Integer to another scale or width."""
    run = kernel(fixed_point, "ek_requantize", x[0], result(node))
    return [
        run(
            x[0],
            *(integer(node, n) for n in ("x_zero", "mult", "shift", "y_zero", "y_min", "y_max")),
        )
    ]


def gemm_int(node: ir.Node, x: list[Array]) -> list[Array]:
    """Fully connected."""
    run = kernel(linear_twin, "ek_fc", x[0], result(node))
    arrays = [tensor(node, n) for n in ("w", "bias", "mult", "shift")]
    rows = x[0].reshape(-1, arrays[0].shape[1])
    return [run(rows, *arrays, *(integer(node, n) for n in ("y_zero", "y_min", "y_max")))]


def matmul_int(node: ir.Node, x: list[Array]) -> list[Array]:
    """Product of two computed tensors, block by block."""
    run = kernel(linear_twin, "ek_matmul", x[0], result(node))
    left, right, batch = matmul_shapes(x[0].shape, x[1].shape)
    a = np.broadcast_to(x[0].reshape(left), (*batch, *left[-2:])).reshape(-1, *left[-2:])
    b = np.broadcast_to(x[1].reshape(right), (*batch, *right[-2:])).reshape(-1, *right[-2:])
    names = ("mult", "shift", "y_zero", "y_min", "y_max")
    numbers, zeros = (
        [integer(node, n) for n in names],
        [integer(node, n) for n in ("a_zero", "b_zero")],
    )
    blocks = [run(p, zeros[0], q, zeros[1], *numbers) for p, q in zip(a, b, strict=True)]
    return [np.stack(blocks)]


def conv_int(node: ir.Node, x: list[Array]) -> list[Array]:
    """Conv or ConvTranspose."""
    stem = "ek_conv" if node.op_type == "Conv" else "ek_conv_transpose"
    run = kernel(linear_twin, stem, x[0], result(node))
    shape = ConvShape.of(ints(node, "shape", []))
    w = tensor(node, "w")
    arrays = [
        w.reshape(*w.shape[:2], shape.k_h, shape.k_w),
        *(tensor(node, n) for n in ("bias", "mult", "shift")),
    ]
    image = x[0].reshape(shape.in_c, shape.in_h, shape.in_w)
    numbers = [integer(node, n) for n in ("y_zero", "y_min", "y_max")]
    return [run(image, integer(node, "x_zero"), *arrays, *numbers, shape)]


def gru_int(node: ir.Node, x: list[Array]) -> list[Array]:
    """GRU, every time step."""
    run = _cell(node, x[0])
    arrays = [tensor(node, name) for name in GATE_ARRAYS]
    tables = lookup_tables.sigmoid_gate()[0], lookup_tables.tanh_gate()[0]
    shape = (x[0].shape[1], arrays[1].shape[1])
    h, rows = np.zeros(shape, np.int16) if x[1] is None else x[1].reshape(shape), []
    for step in x[0]:
        h = run(step, h, *arrays, *tables, integer(node, "linear_before_reset"))
        rows.append(h)
    both = [np.stack(rows), h]
    return [both[i] for i in node.attributes["outputs"].as_ints()]


def lstm_int(node: ir.Node, x: list[Array]) -> list[Array]:
    """LSTM, every time step."""
    run = _cell(node, x[0])
    arrays = [tensor(node, name) for name in GATE_ARRAYS]
    tables = lookup_tables.sigmoid_gate()[0], lookup_tables.tanh_gate()[0]
    shape = (x[0].shape[1], arrays[1].shape[1])
    h, c = (
        np.zeros(shape, dtype) if state is None else state.reshape(shape)
        for state, dtype in zip(x[1:], (np.int16, np.int32), strict=True)
    )
    rows = []
    for step in x[0]:
        h, c = run(step, h, c, *arrays, *tables, integer(node, "c_bits"))
        rows.append(h)
    every = [np.stack(rows), h, c]
    return [every[i] for i in node.attributes["outputs"].as_ints()]


def _cell(node: ir.Node, x: Array) -> Callable[..., Any]:
    """The step of a recurrent cell for inputs and recurrent operands of these types."""
    stem = f"ek_{node.op_type.lower()}"
    return kernel(recurrent_twin, stem, x, np.empty(0, hidden_operand(node)))


def hidden_operand(node: ir.Node) -> str:
    """Type of the recurrent product's operand: biases of its width are int64 beside int16."""
    return "int16" if tensor(node, "r_bias").dtype == np.int64 else "int8"


def table(node: ir.Node, x: list[Array]) -> list[Array]:
    """A function of one value."""
    entries, to = tensor(node, "table"), result(node)
    if x[0].dtype == np.int8:
        return [lookup_tables.ek_lut_s8(x[0], entries)]
    if to.dtype == np.int16:
        return [lookup_tables.ek_lut_s16(x[0], entries)]
    return [
        lookup_tables.ek_lut_s16_s8(
            x[0], entries, *(integer(node, n) for n in ("mult", "shift", "y_zero"))
        )
    ]


def prelu_int(node: ir.Node, x: list[Array]) -> list[Array]:
    """PRelu per channel."""
    slopes = tensor(node, "m_neg")
    channels = x[0].reshape(slopes.size, -1)
    factors = integer(node, "m_pos"), slopes, integer(node, "shift")
    run = kernel(fixed_point, "ek_prelu", *widths(node, x[0]))
    return [run(channels, integer(node, "x_zero"), *factors, integer(node, "y_zero"))]


def arithmetic_int(node: ir.Node, x: list[Array]) -> list[Array]:
    """Add or Mul with broadcasting."""
    run = kernel(fixed_point, f"ek_{node.op_type.lower()}", *widths(node, x[0]))
    tail = [integer(node, n) for n in ("shift", "y_zero", "y_min", "y_max")]
    a_zero, b_zero = integer(node, "a_zero"), integer(node, "b_zero")
    if node.op_type == "Add":
        return [run(x[0], a_zero, integer(node, "m1"), x[1], b_zero, integer(node, "m2"), *tail)]
    return [run(x[0], a_zero, x[1], b_zero, integer(node, "m"), *tail)]
