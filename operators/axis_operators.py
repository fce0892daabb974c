"""Operators that work along one axis: softmax and its like, ArgMax, TopK, CumSum, norms."""

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.operators import float_sums
from edgekit.operators.fixed_point import F32
from edgekit.operators.float_sums import ordered_sum
from edgekit.operators.operator import Operator, integer
from edgekit.operators.pointwise import twin as pointwise_twin
from edgekit.operators.pointwise.twin import ek_exp_f32


def softmax(node: ir.Node, x: list[Array]) -> list[Array]:
    """Softmax or LogSoftmax along an axis."""
    axis = integer(node, "axis", -1)
    rows = np.moveaxis(x[0], axis, -1)
    if node.op_type == "Softmax":
        y = ek_softmax_f32(rows)
    else:
        with np.errstate(all="ignore"):
            d = rows - rows.max(axis=-1, keepdims=True)
            y = d - pointwise_twin.ek_log_f32(float_sums.ordered_sum(pointwise_twin.ek_exp_f32(d)))
    return [np.moveaxis(y, -1, axis)]


def hardmax(node: ir.Node, x: list[Array]) -> list[Array]:
    """1 at the first maximum along an axis, 0 elsewhere."""
    rows = np.moveaxis(x[0], integer(node, "axis", -1), -1)
    places = np.arange(rows.shape[-1]) == _best(rows, np.greater)[..., None]
    return [np.moveaxis(places.astype(np.float32), -1, integer(node, "axis", -1))]


def arg(node: ir.Node, x: list[Array]) -> list[Array]:
    """Return the first (or last) position of the extreme along an axis."""
    better = {
        ("ArgMax", 0): np.greater,
        ("ArgMax", 1): np.greater_equal,
        ("ArgMin", 0): np.less,
        ("ArgMin", 1): np.less_equal,
    }[node.op_type, integer(node, "select_last_index", 0)]
    return [_best(np.moveaxis(x[0], integer(node, "axis", 0), -1), better)]


def _best(rows: Array, better: np.ufunc) -> Array:
    place, value = np.zeros(rows.shape[:-1], np.int64), rows[..., 0]
    for k in range(rows.shape[-1]):
        wins = better(rows[..., k], value)
        place, value = np.where(wins, k, place), np.where(wins, rows[..., k], value)
    return place


def topk(node: ir.Node, x: list[Array]) -> list[Array]:
    """The k largest (or smallest) along an axis, the best first, and their positions; of equal ones the first."""
    axis, count = integer(node, "axis", -1), int(np.ravel(x[1])[0])
    better = np.greater if integer(node, "largest", 1) else np.less
    rows = np.moveaxis(x[0], axis, -1)
    places = np.zeros((*rows.shape[:-1], count), np.int64)
    for k in range(rows.shape[-1]):
        places = _insert_position(rows, places, k, min(k, count), better)
    values = np.take_along_axis(rows, places, -1)
    return [np.moveaxis(values, -1, axis), np.moveaxis(places, -1, axis)]


def _insert_position(rows: Array, places: Array, k: int, found: int, better: np.ufunc) -> Array:
    """Insert k among the positions of the best, of which there are `found` so far.

    It moves up from the last position as long as k is better. Comparisons with NaN are false: NaN does not move up.
    """
    count = places.shape[-1]
    beaten = better(rows[..., k, None], np.take_along_axis(rows, places[..., :found], -1))
    passed = np.cumprod(beaten[..., ::-1], axis=-1).sum(axis=-1)
    at = found - passed
    slots = np.arange(count)
    moved = np.concatenate([places[..., :1], places[..., :-1]], -1)
    return np.where(slots < at[..., None], places, np.where(slots == at[..., None], k, moved))


def cumsum(node: ir.Node, x: list[Array]) -> list[Array]:
    """Running sums along an axis."""
    axis = int(np.ravel(x[1])[0])
    rows = np.moveaxis(x[0], axis, -1)
    rows = rows[..., ::-1] if integer(node, "reverse", 0) else rows
    with np.errstate(all="ignore"):
        total = np.add.accumulate(rows, axis=-1, dtype=rows.dtype)
    if integer(node, "exclusive", 0):
        total = np.concatenate([np.zeros_like(total[..., :1]), total[..., :-1]], axis=-1)
    total = total[..., ::-1] if integer(node, "reverse", 0) else total
    return [np.moveaxis(total, -1, axis)]


def lp_normalization(node: ir.Node, x: list[Array]) -> list[Array]:
    """Divide by the norm along an axis; 0 if that is 0."""
    axis = integer(node, "axis", -1)
    rows = np.moveaxis(x[0], axis, -1)
    with np.errstate(all="ignore"):
        if integer(node, "p", 2) == 2:
            norm = pointwise_twin.ek_sqrt_f32(float_sums.ordered_sum(rows * rows))
        else:
            norm = float_sums.ordered_sum(np.abs(rows))
        return [np.moveaxis(np.where(norm == 0, np.float32(0), rows / norm), -1, axis)]


def ek_softmax_f32(x: F32) -> F32:
    """Return the softmax over the last axis."""
    with np.errstate(all="ignore"):
        e = ek_exp_f32(x - x.max(axis=-1, keepdims=True))
        return e / ordered_sum(e)


OPERATORS: dict[tuple[str, str], Operator] = {
    ("", "Softmax"): softmax,
    ("", "LogSoftmax"): softmax,
    ("", "Hardmax"): hardmax,
    ("", "ArgMax"): arg,
    ("", "ArgMin"): arg,
    ("", "TopK"): topk,
    ("", "CumSum"): cumsum,
    ("", "LpNormalization"): lp_normalization,
}
