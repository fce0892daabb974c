"""Data movement, on any type."""

from typing import Any

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.operators.geometry import dims, ints
from edgekit.operators.operator import Operator, integer
from edgekit.operators.qdq import ZERO_POINT


def reshape_elements(node: ir.Node, x: list[Array]) -> list[Array]:
    """Identity and Reshape: the elements stay where they are in memory."""
    return [x[0].reshape(dims(node.outputs[0]))]


def strided_slice(node: ir.Node, x: list[Array]) -> list[Array]:
    """Strided part."""
    starts, ends = np.ravel(x[1]), np.ravel(x[2])
    axes = np.ravel(x[3]) if len(x) > 3 and x[3] is not None else np.arange(len(starts))
    steps = np.ravel(x[4]) if len(x) > 4 and x[4] is not None else np.ones(len(starts), np.int64)
    index: list[slice] = [slice(None)] * x[0].ndim
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        size = x[0].shape[axis]
        first, last = (0, size) if step > 0 else (-1, size - 1)  # of ONNX, not of Python, backwards
        low, high = (
            int(min(max(bound + size if bound < 0 else bound, least), last))
            for bound, least in ((start, 0), (end, first))
        )
        index[int(axis)] = slice(low, None if high < 0 else high, int(step))
    return [x[0][tuple(index)]]


def split(node: ir.Node, x: list[Array]) -> list[Array]:
    """Consecutive parts."""
    axis = integer(node, "axis", 0)
    sizes = [dims(value)[axis] for value in node.outputs]
    return list(np.split(x[0], np.cumsum(sizes)[:-1], axis=axis))


def pad(node: ir.Node, x: list[Array]) -> list[Array]:
    """Constant padding; negative pads crop."""
    fill = np.ravel(x[2])[0] if len(x) > 2 and x[2] is not None else 0
    zero = int(node.outputs[0].metadata_props.get(ZERO_POINT, "0"))
    return [pad_data(x, fill if zero == 0 else zero)]


def pad_data(x: list[Array], fill: Any) -> Array:
    """Return the data of a Pad node's operands with `fill` around it."""
    widths = pad_widths(x, x[0].ndim)
    positive = [(max(a, 0), max(b, 0)) for a, b in widths]
    grown = np.pad(x[0], positive, constant_values=fill)
    kept = [
        slice(max(-a, 0), n - max(-b, 0)) for (a, b), n in zip(widths, grown.shape, strict=True)
    ]
    result: Array = grown[tuple(kept)]
    return result


def pad_widths(x: list[Array], rank: int) -> list[tuple[int, int]]:
    """(before, after) for every axis, of a Pad node's operands."""
    pads = [int(p) for p in np.ravel(x[1])]
    named = x[3] if len(x) > 3 and x[3] is not None else np.arange(rank)
    axes = [int(axis) % rank for axis in np.ravel(named)]
    both = {axis: (pads[i], pads[i + len(axes)]) for i, axis in enumerate(axes)}
    return [both.get(axis, (0, 0)) for axis in range(rank)]


def expand(node: ir.Node, x: list[Array]) -> list[Array]:
    """Broadcast copy."""
    return [np.broadcast_to(x[0], dims(node.outputs[0]))]


def transpose(node: ir.Node, x: list[Array]) -> list[Array]:
    """Permuted copy."""
    return [x[0].transpose(ints(node, "perm", list(reversed(range(x[0].ndim)))))]


def concat(node: ir.Node, x: list[Array]) -> list[Array]:
    """Concatenate tensors along an axis."""
    return [np.concatenate(x, axis=integer(node, "axis"))]


OPERATORS: dict[tuple[str, str], Operator] = {
    ("", "Identity"): reshape_elements,
    ("", "Reshape"): reshape_elements,
    ("", "Transpose"): transpose,
    ("", "Slice"): strided_slice,
    ("", "Concat"): concat,
    ("", "Split"): split,
    ("", "Expand"): expand,
}
