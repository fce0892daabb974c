"""Builders of functions of one value: clamps, slopes, tables."""

from collections.abc import Callable
from functools import partial

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Float64
from edgekit.operators.fuser import Fuser, IntegerForm
from edgekit.operators.pointwise import tables as lookup_tables
from edgekit.operators.pointwise.functions import POINTWISE, Attributes, attributes_of
from edgekit.operators.qdq import Frame, Operand, output_attributes
from edgekit.operators.roles import TABLED, activations, constant, constant_tail, feeds_sensitive
from edgekit.operators.scheme import MANTISSA_BITS, fixed_point

LUT_S16_CODOMAIN = 32767
TABLE_ERROR = 2.0**-8  # of the largest value: allowed error of a piecewise-linear table
CLAMPS = {"Relu", "Clip"}
# Functions that are straight above 0 and below it: both slopes.
SLOPES: dict[str, Callable[[Attributes], tuple[float, float]]] = {
    "LeakyRelu": lambda attributes: (1.0, attributes["alpha"]),
    "Neg": lambda attributes: (-1.0, -1.0),
    "Abs": lambda attributes: (1.0, -1.0),
}
STEPPED = {"Sign", "Floor", "Ceil", "Round", "ThresholdedRelu", "Shrink"}


def build_table(fuser: Fuser, node: ir.Node) -> bool:
    """A function of one value: 256 entries on int8, else exact pieces or a piecewise-linear table.

    A function with jumps, or too far from straight between the entries of such a table, stays in float.
    """
    x, frame = fuser.operand(node.inputs[0]), fuser.frame(node)
    if x is None or frame is None or not constant_tail(node):
        return False
    if x.kind.dtype == "int8" and frame[1].dtype == "int8":
        bytewise = lookup_tables.lut_s8(
            partial(_evaluate, node),
            x.kind.scale,
            x.kind.zero_point,
            frame[1].scale,
            frame[1].zero_point,
        )
        fuser.add(node, "Table", [x.value], [frame], {"table": bytewise})
        return True
    if node.op_type in CLAMPS:
        return _build_clamp(fuser, node, x, frame)
    if node.op_type in SLOPES:
        return build_slopes(fuser, node, *SLOPES[node.op_type](attributes_of(node)))
    return node.op_type not in STEPPED and _build_pieces(fuser, node, x, frame)


def _build_pieces(fuser: Fuser, node: ir.Node, narrow: Operand, frame: Frame) -> bool:
    """A piecewise-linear table on int16; False if the function is too far from straight between its entries."""
    x, kind, function = (
        fuser.widened(narrow, f"{node.name}.wide"),
        frame[1],
        partial(_evaluate, node),
    )
    peak = np.abs(function(np.arange(-32768, 32768, 16) * np.float64(x.kind.scale))).max()
    inner = kind.scale if kind.dtype == "int16" else float(max(peak, 1e-30) / LUT_S16_CODOMAIN)
    table, error = lookup_tables.lut_s16(function, x.kind.scale, inner)
    if error > TABLE_ERROR * max(peak, inner) and error > inner:
        return False
    attributes: dict[str, object] = {"table": table, "max_error": error}
    if kind.dtype == "int8":
        mult, shift = fixed_point(inner / kind.scale, MANTISSA_BITS["int16"])
        attributes |= {"mult": int(mult[0]), "shift": int(shift[0]), "y_zero": kind.zero_point}
    fuser.add(node, "Table", [x.value], [frame], attributes)
    return True


def build_slopes(fuser: Fuser, node: ir.Node, above: float, *below: float) -> bool:
    """Build slopes: one above 0, one per channel of every image below."""
    x, frame = fuser.operand(node.inputs[0]), fuser.frame(node)
    if x is None or frame is None:
        return False
    kind = frame[1]
    if kind.dtype == "int16":
        x = fuser.widened(x, f"{node.name}.wide")
    bits = MANTISSA_BITS[x.kind.dtype]
    real = np.array([above, *below]) * (np.float64(x.kind.scale) / kind.scale)
    _, shifts = fixed_point(float(np.abs(real).max()), bits)
    shift, largest = int(shifts[0]), (1 << bits) - 1
    fixed = np.clip(np.rint(real * 2.0**shift), -largest, largest).astype(np.int64)
    attributes: dict[str, object] = {
        "x_zero": x.kind.zero_point,
        "m_pos": int(fixed[0]),
        "m_neg": fixed[1:].astype(np.int32),
        "shift": shift,
        "y_zero": kind.zero_point,
    }
    fuser.add(node, "PRelu", [x.value], [frame], attributes)
    return True


def _build_clamp(fuser: Fuser, node: ir.Node, x: Operand, frame: Frame) -> bool:
    """Relu, Clip: a change of scale whose result is clamped."""
    mult, shift = fixed_point(x.kind.scale / frame[1].scale, MANTISSA_BITS[x.kind.dtype])
    attributes = {
        "x_zero": x.kind.zero_point,
        "mult": int(mult[0]),
        "shift": int(shift[0]),
        **output_attributes(frame[1], node),
    }
    fuser.add(node, "Requantize", [x.value], [frame], attributes)
    return True


def _evaluate(node: ir.Node, real: Float64) -> Float64:
    if node.op_type == "Clip":
        low, high = (
            constant(v) if v is not None else None for v in (*node.inputs[1:], None, None)[:2]
        )
        return np.clip(
            real,
            -np.inf if low is None else np.float64(np.ravel(low)[0]),
            np.inf if high is None else np.float64(np.ravel(high)[0]),
        )
    return POINTWISE[node.op_type].real(real, attributes_of(node))


def _is_table(node: ir.Node) -> bool:
    """A function of one value."""
    alone = bool(activations(node)) and constant_tail(node)
    return alone and not feeds_sensitive(node.outputs[0])


INTEGERS = dict.fromkeys(TABLED, IntegerForm(_is_table, build_table))
