"""Forms of conversions between float and integers, and between integer types."""

import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.operators.border import twin as border_twin
from edgekit.operators.operator import Operator, integer, integers, output_dtype
from edgekit.operators.qdq import FAKE_DOMAIN, INTEGER_DOMAIN


def quantize(node: ir.Node, x: list[Array]) -> list[Array]:
    """Float to integer."""
    scale, zero = node.attributes["scale"].as_float(), integer(node, "zero")
    return [border_twin.ek_quantize(x[0], scale, zero, to=output_dtype(node))]


def dequantize(node: ir.Node, x: list[Array]) -> list[Array]:
    """Integer to float."""
    scale, zero = node.attributes["scale"].as_float(), integer(node, "zero")
    return [border_twin.ek_dequantize(x[0], scale, zero)]


def fake_quantize(node: ir.Node, x: list[Array]) -> list[Array]:
    """Float to float on a row of grids."""
    return [border_twin.ek_fake_quantize_f32(x[0], x[1][integer(node, "row")])]


def requantize(node: ir.Node, x: list[Array]) -> list[Array]:
    """Integer to another scale or width."""
    numbers = integers(node, "x_zero", "mult", "shift", "y_zero", "y_min", "y_max")
    return [border_twin.ek_requantize(x[0], *numbers, to=output_dtype(node))]


OPERATORS: dict[tuple[str, str], Operator] = {
    (FAKE_DOMAIN, "FakeQuantize"): fake_quantize,
    (INTEGER_DOMAIN, "Quantize"): quantize,
    (INTEGER_DOMAIN, "Dequantize"): dequantize,
    (INTEGER_DOMAIN, "Requantize"): requantize,
}
