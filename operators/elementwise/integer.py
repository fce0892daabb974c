"""Builders of sums, products and slopes per channel of broadcast operands."""

import numpy as np
import onnx_ir as ir

from edgekit.graph.model import TFLITE
from edgekit.operators.fuser import Fuser, IntegerForm
from edgekit.operators.geometry import dims
from edgekit.operators.pointwise.integer import build_slopes
from edgekit.operators.qdq import output_attributes
from edgekit.operators.roles import (
    ARITHMETIC,
    FUSED_ACTIVATIONS,
    MOVES,
    activations,
    constant,
    constant_tail,
    feeds_sensitive,
    is_square,
    per_channel,
)
from edgekit.operators.scheme import MANTISSA_BITS, QuantType, fixed_point, fixed_point_pair

LITERT_BITS = 21  # of the larger factor of a sum in LiteRT's XNNPACK


def build_arithmetic(fuser: Fuser, node: ir.Node) -> bool:
    """Add, Sub, Mul with broadcasting; in int16 where an operand or the result is."""
    a, b = fuser.operand(node.inputs[0]), fuser.operand(node.inputs[1])
    frame = fuser.frame(node)
    if a is None or b is None or frame is None:
        return False
    _, kind, fused = frame
    if "int16" in (a.kind.dtype, b.kind.dtype, kind.dtype):
        a, b = (fuser.widened(x, f"{node.name}.wide{i}") for i, x in enumerate((a, b)))
    attributes: dict[str, object] = {"a_zero": a.kind.zero_point, "b_zero": b.kind.zero_point}
    bits = MANTISSA_BITS[a.kind.dtype]
    if node.op_type == "Mul":
        mult, shift = fixed_point(np.float64(a.kind.scale) * b.kind.scale / kind.scale, bits)
        attributes |= {"m": int(mult[0]), "shift": int(shift[0])}
    else:
        m1, m2, s = _factors_of_sum(node, a.kind, b.kind, kind)
        attributes |= {"m1": m1, "m2": m2, "shift": s}
    op_type = "Mul" if node.op_type == "Mul" else "Add"
    fuser.add(
        node, op_type, [a.value, b.value], [frame], attributes | output_attributes(kind, fused)
    )
    return True


def _factors_of_sum(
    node: ir.Node, a: QuantType, b: QuantType, y: QuantType
) -> tuple[int, int, int]:
    """Return the factors of the operands of a sum or difference, and their shift."""
    sign, bits = -1.0 if node.op_type == "Sub" else 1.0, MANTISSA_BITS[a.dtype]
    first, second = a.scale / y.scale, b.scale / y.scale
    if TFLITE in node.metadata_props and a.dtype == "int8":
        bits = LITERT_BITS
        first, second = (float(np.float32(x.scale) / np.float32(y.scale)) for x in (a, b))
    return fixed_point_pair(first, sign * second, bits)


def build_prelu(fuser: Fuser, node: ir.Node) -> bool:
    """PRelu with one slope per channel (axis 1) of every image, a float or a stored constant."""
    stored = fuser.weights.get(node.inputs[1])  # type: ignore[arg-type]
    slope = constant(node.inputs[1]) if stored is None else stored.real
    if slope is None or not per_channel(slope, len(dims(node.inputs[0]))):
        return False
    slopes = np.ravel(slope).astype(np.float64)
    if slopes.size > 1:
        slopes = np.tile(slopes, dims(node.inputs[0])[0])
    return build_slopes(fuser, node, 1.0, *slopes)


def build_division(fuser: Fuser, node: ir.Node) -> bool:
    """Division by a number: part of the factor between the scales."""
    x, frame, divisor = fuser.operand(node.inputs[0]), fuser.frame(node), constant(node.inputs[1])
    if x is None or frame is None or divisor is None or divisor.size != 1:
        return False
    real = np.float64(x.kind.scale) / (np.float64(divisor.ravel()[0]) * frame[1].scale)
    mult, shift = fixed_point(real, MANTISSA_BITS[x.kind.dtype])
    attributes: dict[str, object] = {
        "x_zero": x.kind.zero_point,
        "mult": int(mult[0]),
        "shift": int(shift[0]),
        **output_attributes(frame[1]),
    }
    fuser.add(node, "Requantize", [x.value], [frame], attributes)
    return True


def _is_arithmetic(node: ir.Node) -> bool:
    floats = all(v is not None and v.dtype == ir.DataType.FLOAT for v in node.inputs)
    through = MOVES | FUSED_ACTIVATIONS
    return floats and not is_square(node) and not feeds_sensitive(node.outputs[0], through)


def _is_division(node: ir.Node) -> bool:
    """Whether it divides by one number, so that it is a factor."""
    divisor = constant(node.inputs[1])
    if divisor is None or divisor.size != 1 or not activations(node):
        return False
    finite = bool(np.isfinite(divisor).all() and divisor.all())
    return finite and not feeds_sensitive(node.outputs[0])


def _per_channel_slope(node: ir.Node) -> bool:
    slope = constant(node.inputs[1]) if constant_tail(node) else None
    shape = node.inputs[0].shape if node.inputs[0] is not None else None
    return slope is not None and shape is not None and per_channel(slope, len(shape))


INTEGERS = {
    **dict.fromkeys(ARITHMETIC, IntegerForm(_is_arithmetic, build_arithmetic)),
    "Div": IntegerForm(_is_division, build_division),
    "PRelu": IntegerForm(_per_channel_slope, build_prelu),
}
