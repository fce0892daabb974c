"""Data movement, on any type."""

import numpy as np
import onnx_ir as ir

from edgekit.quantize.geometry import dims, ints
from edgekit.quantize.numpy_ops.base import Array, integer


def strided_slice(node: ir.Node, x: list[Array]) -> list[Array]:
    """Strided part."""
    starts, ends = np.ravel(x[1]), np.ravel(x[2])
    axes = np.ravel(x[3]) if len(x) > 3 and x[3] is not None else np.arange(len(starts))
    steps = np.ravel(x[4]) if len(x) > 4 and x[4] is not None else np.ones(len(starts), np.int64)
    index: list[slice] = [slice(None)] * x[0].ndim
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        size = x[0].shape[axis]
        stop = None if step < 0 and end < -size else int(end)
        index[int(axis)] = slice(int(start), stop, int(step))
    return [x[0][tuple(index)]]


def split(node: ir.Node, x: list[Array]) -> list[Array]:
    """Consecutive parts."""
    axis = integer(node, "axis", 0)
    sizes = [dims(value)[axis] for value in node.outputs]
    return list(np.split(x[0], np.cumsum(sizes)[:-1], axis=axis))


def pad(node: ir.Node, x: list[Array]) -> list[Array]:
    """Constant padding; negative pads crop."""
    pads, rank = np.ravel(x[1]).tolist(), x[0].ndim
    axes = (
        [int(a) % rank for a in np.ravel(x[3])]
        if len(x) > 3 and x[3] is not None
        else list(range(rank))
    )
    fill = np.ravel(x[2])[0] if len(x) > 2 and x[2] is not None else 0
    both = {axis: (int(pads[i]), int(pads[i + len(axes)])) for i, axis in enumerate(axes)}
    widths = [both.get(axis, (0, 0)) for axis in range(rank)]
    grown = np.pad(x[0], [(max(a, 0), max(b, 0)) for a, b in widths], constant_values=fill)
    return [
        grown[
            tuple(
                slice(max(-a, 0), n - max(-b, 0))
                for (a, b), n in zip(widths, grown.shape, strict=True)
            )
        ]
    ]


def expand(node: ir.Node, x: list[Array]) -> list[Array]:
    """Broadcast copy."""
    return [np.broadcast_to(x[0], dims(node.outputs[0]))]


def transpose(node: ir.Node, x: list[Array]) -> list[Array]:
    """Permuted copy."""
    return [x[0].transpose(ints(node, "perm", list(reversed(range(x[0].ndim)))))]
