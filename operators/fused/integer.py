"""Builders of the operators with precise internals: their multipliers, and bounds of their values."""

import math

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Float32
from edgekit.graph.nodes import attribute, is_read
from edgekit.operators.fused.twin import (
    FRACTION_BITS,
    LAYERNORM_MOST,
    MEAN_SQUARE_MOST,
    SOFTMAX_MOST,
    exp2_table,
)
from edgekit.operators.fuser import Fuser, IntegerForm
from edgekit.operators.geometry import dims, optional
from edgekit.operators.qdq import Frame, Operand, output_attributes
from edgekit.operators.roles import (
    activations,
    constant,
    constant_tail,
    feeds_sensitive,
    reduced_axes,
)
from edgekit.operators.scheme import MANTISSA_BITS, QuantType, fixed_point, fixed_point_pair

PRODUCT_BITS = 30  # of multipliers of int16 products: two of them fit 62 bits
GAIN_BITS = 24
LIFT_LIMIT = 2**61
EPSILON_LIMIT = 2**60
BIAS_BITS = 31
OFFSET_BITS = 52  # of a bias in the sum of a normalization,
LARGEST_SHIFT = OFFSET_BITS - 16  # which holds any that int16 does


def build_magnitude(fuser: Fuser, node: ir.Node) -> bool:
    """``sqrt(a^2 + b^2 + epsilon)``: one rounding."""
    found = _wide_operands(fuser, node)
    if found is None:
        return False
    (a, b), frame = found
    y = np.float64(frame[1].scale)
    m1, m2, shift = _even_pair((a.kind.scale / y) ** 2, (b.kind.scale / y) ** 2)
    lift = node.attributes["epsilon"].as_float() / y**2 * 2.0**shift
    if lift > LIFT_LIMIT:
        return False
    attributes = {"m1": m1, "m2": m2, "add": round(lift), "shift": shift}
    fuser.add(node, "Magnitude", [a.value, b.value], [frame], attributes | _limits(frame))
    return True


def _even_pair(first: float, second: float) -> tuple[int, int, int]:
    """Return two multipliers of at most 2^30 with a common even shift, half of which a root uses."""
    _, shifts = fixed_point(max(first, second), PRODUCT_BITS)
    shift = max(int(shifts[0]) & ~1, 2)
    m1, m2 = (min(round(m * 2.0**shift), 1 << PRODUCT_BITS) for m in (first, second))
    return m1, m2, shift


def build_product_sum(fuser: Fuser, node: ir.Node) -> bool:
    """``a * b + sign * (c * d)``: one rounding."""
    found = _wide_operands(fuser, node)
    if found is None:
        return False
    (a, b, c, d), frame = found
    y, sign = np.float64(frame[1].scale), node.attributes["sign"].as_float()
    first = float(a.kind.scale * b.kind.scale / y)
    second = float(sign * c.kind.scale * d.kind.scale / y)
    m1, m2, shift = fixed_point_pair(first, second, PRODUCT_BITS)
    operands = [operand.value for operand in (a, b, c, d)]
    attributes = {"m1": m1, "m2": m2, "shift": shift, **_limits(frame)}
    fuser.add(node, "ProductSum", operands, [frame], attributes)
    return True


def build_mean_square(fuser: Fuser, node: ir.Node) -> bool:
    """Build the mean of squares along adjacent axes: int64 sums, one rounding."""
    found = _wide_operands(fuser, node)
    if found is None:
        return False
    (x,), frame = found
    shape, axes = dims(node.inputs[0]), reduced_axes(node)
    first, last = axes[0], axes[-1] + 1
    sizes = [math.prod(part) for part in (shape[:first], shape[first:last], shape[last:])]
    if sizes[1] > MEAN_SQUARE_MOST:
        return False
    real = np.float64(x.kind.scale) ** 2 / (sizes[1] * np.float64(frame[1].scale))
    mult, shift = fixed_point(real, MANTISSA_BITS["int16"])
    attributes = {"mult": int(mult[0]), "shift": int(shift[0]), "sizes": sizes, **_limits(frame)}
    fuser.add(node, "MeanSquare", [x.value], [frame], attributes)
    return True


def build_layernorm(fuser: Fuser, node: ir.Node) -> bool:
    """Build rows with exact sums, their inverse deviation as a mantissa of 31 bits; one rounding at the end."""
    return _build_norm(fuser, node, math.prod(dims(node.inputs[1])))


def build_instancenorm(fuser: Fuser, node: ir.Node) -> bool:
    """Build rows as `build_layernorm`, one per channel."""
    return _build_norm(fuser, node, math.prod(dims(node.inputs[0])[2:]))


def _build_norm(fuser: Fuser, node: ir.Node, n: int) -> bool:
    """A normalization of `n` elements at a time."""
    found = _wide_operands(fuser, node)
    gain, bias = constant(node.inputs[1]), constant(optional(node, 2))
    if found is None or gain is None or (optional(node, 2) is not None and bias is None):
        return False
    (x,), frame = found
    given = node.attributes.get("epsilon")
    epsilon = (1e-5 if given is None else given.as_float()) * (n / np.float64(x.kind.scale)) ** 2
    scaled = _gain_and_bias(gain, bias, frame[1])
    if n > LAYERNORM_MOST or epsilon > EPSILON_LIMIT or scaled is None:
        return False
    attributes = {**scaled, "epsilon": round(epsilon), **_limits(frame)}
    fuser.add(node, node.op_type, [x.value], [frame], attributes)
    return True


def _gain_and_bias(gain: Float32, bias: Float32 | None, y: QuantType) -> dict[str, object] | None:
    """Return both in units of the result's step, with one shift; None if no shift fits."""
    real = np.ravel(gain).astype(np.float64) / y.scale
    _, exponent = np.frexp(np.abs(real).max(initial=1e-30))
    shift = min(GAIN_BITS - int(exponent) + FRACTION_BITS, LARGEST_SHIFT)
    offset = np.zeros(gain.size) if bias is None else np.ravel(bias).astype(np.float64) / y.scale
    if shift < 1:
        return None
    lifted = np.clip(offset * 2.0**shift, -(2.0**OFFSET_BITS), 2.0**OFFSET_BITS)
    _, bits = np.frexp(np.abs(lifted).max(initial=0.0))
    up = max(int(bits) - BIAS_BITS, 0)
    top = 2**BIAS_BITS - 1
    return {
        "gain": np.rint(real * 2.0 ** (shift - FRACTION_BITS)).astype(np.int32),
        "bias": np.clip(np.rint(lifted * 2.0**-up), -top, top).astype(np.int32),
        "bias_up": up,
        "shift": shift,
    }


def build_softmax(fuser: Fuser, node: ir.Node) -> bool:
    """Softmax over the last axis: powers of two from a table, one quotient per row."""
    found = _wide_operands(fuser, node)
    if found is None or dims(node.inputs[0])[-1] > SOFTMAX_MOST:
        return False
    (x,), frame = found
    step = np.float64(x.kind.scale) * np.log2(np.e) * 2.0**FRACTION_BITS
    m, s = fixed_point(step, MANTISSA_BITS["int8"])
    mult, shift = fixed_point(2.0**-31 / np.float64(frame[1].scale), PRODUCT_BITS - 1)
    attributes: dict[str, object] = {
        "m": int(m[0]),
        "s": int(s[0]),
        "exp2": exp2_table(),
        "mult": int(mult[0]),
        "shift": int(shift[0]),
        **_limits(frame),
    }
    fuser.add(node, "Softmax", [x.value], [frame], attributes)
    return True


def _wide_operands(fuser: Fuser, node: ir.Node) -> tuple[list[Operand], Frame] | None:
    """Return all computed operands as int16, and the frame of the result; None if a second result is read."""
    frame = None if _has_second_result(node) else fuser.frame(node)
    computed = [v for v in node.inputs if v is not None and constant(v) is None]
    operands = [fuser.operand(value) for value in computed]
    if frame is None or not operands:
        return None
    wide = []
    for index, operand in enumerate(operands):
        if operand is None:
            return None
        wide.append(fuser.widened(operand, f"{node.name}.wide{index}"))
    return wide, frame


def _limits(frame: Frame) -> dict[str, int]:
    return output_attributes(frame[1], frame[2])


def _has_second_result(node: ir.Node) -> bool:
    """Whether the statistics of a normalization are read too, which integers do not write."""
    return any(map(is_read, node.outputs[1:]))


def _is_plain_row(node: ir.Node) -> bool:
    """Whether it is a normalization by constants or a last-axis softmax, without second result or sensitive reader."""
    if not activations(node) or not constant_tail(node) or feeds_sensitive(node.outputs[0]):
        return False
    if _has_second_result(node):
        return False
    last = len(dims(node.inputs[0])) - 1
    return node.op_type != "Softmax" or attribute(node, "axis", -1) in (-1, last)


INTEGERS = {
    "InstanceNormalization": IntegerForm(_is_plain_row, build_instancenorm),
    "LayerNormalization": IntegerForm(_is_plain_row, build_layernorm),
    "Softmax": IntegerForm(_is_plain_row, build_softmax),
    # the quantizer's nodes always have one
    "Magnitude": IntegerForm(lambda node: True, build_magnitude),
    "MeanSquare": IntegerForm(lambda node: True, build_mean_square),
    "ProductSum": IntegerForm(lambda node: True, build_product_sum),
}
