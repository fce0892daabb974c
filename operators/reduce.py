"""Reductions over any axes, folded in row-major order."""

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.graph.fused import FUSED_BODIES
from edgekit.graph.model import FRONTEND_DOMAIN
from edgekit.operators.geometry import ints
from edgekit.operators.operator import Operator, integer
from edgekit.operators.pointwise import twin as pointwise_twin


def reduce(node: ir.Node, x: list[Array]) -> list[Array]:
    """Fold axes in row-major order."""
    shape = x[0].shape
    named = ints(node, "axes", []) if len(x) < 2 or x[1] is None else np.ravel(x[1]).tolist()
    empty = [] if integer(node, "noop_with_empty_axes", 0) else list(range(len(shape)))
    axes = sorted(int(a) % len(shape) for a in named) if named else empty
    kept = [a for a in range(len(shape)) if a not in axes]
    rows = x[0].transpose(*kept, *axes).reshape(int(np.prod([shape[a] for a in kept])), -1)
    with np.errstate(all="ignore"):
        if rows.dtype == np.float32:
            return [FLOAT[node.op_type](rows)]
        return [WHOLE[node.op_type](rows.astype(np.int64)).astype(x[0].dtype)]


def _sum(rows: Array) -> Array:
    total: Array = np.add.accumulate(rows, axis=1)[:, -1]
    return total


def _log_sum_exp(rows: Array) -> Array:
    top = rows.max(axis=1, keepdims=True)
    top = np.where(np.isfinite(top), top, np.float32(0))
    total: Array = (
        pointwise_twin.ek_log_f32(_sum(pointwise_twin.ek_exp_f32(rows - top))) + top[:, 0]
    )
    return total


def _towards_zero(rows: Array) -> Array:
    total, n = rows.sum(axis=1), rows.shape[1]
    quotient: Array = np.sign(total) * (np.abs(total) // n)
    return quotient


# Sums: of what of the elements, and what is done to them.
SUMS: Mapping[str, tuple[Literal["size", "square"] | None, Literal["root", "log"] | None]] = {
    "ReduceL1": ("size", None),
    "ReduceL2": ("square", "root"),
    "ReduceSumSquare": ("square", None),
    "ReduceLogSum": (None, "log"),
}
FLOAT: Mapping[str, Callable[[Array], Array]] = {
    "ReduceSum": _sum,
    "ReduceMean": lambda rows: _sum(rows) / np.float32(rows.shape[1]),
    "ReduceMax": lambda rows: rows.max(axis=1),
    "ReduceMin": lambda rows: rows.min(axis=1),
    "ReduceProd": lambda rows: np.multiply.accumulate(rows, axis=1)[:, -1],
    "ReduceL1": lambda rows: _sum(np.abs(rows)),
    "ReduceL2": lambda rows: pointwise_twin.ek_sqrt_f32(_sum(rows * rows)),
    "ReduceSumSquare": lambda rows: _sum(rows * rows),
    "MeanSquare": lambda rows: _sum(rows * rows) / np.float32(rows.shape[1]),
    "ReduceLogSum": lambda rows: pointwise_twin.ek_log_f32(_sum(rows)),
    "ReduceLogSumExp": _log_sum_exp,
}
WHOLE: Mapping[str, Callable[[Array], Array]] = {
    "ReduceSum": lambda rows: rows.sum(axis=1),
    "ReduceMean": _towards_zero,
    "ReduceMax": lambda rows: rows.max(axis=1),
    "ReduceMin": lambda rows: rows.min(axis=1),
    "ReduceProd": lambda rows: rows.prod(axis=1),
    "ReduceL1": lambda rows: np.abs(rows).sum(axis=1),
    "ReduceSumSquare": lambda rows: (rows * rows).sum(axis=1),
}


OPERATORS: dict[tuple[str, str], Operator] = {
    **{("", name): reduce for name in FLOAT if name not in FUSED_BODIES},
    (FRONTEND_DOMAIN, "MeanSquare"): reduce,
}
