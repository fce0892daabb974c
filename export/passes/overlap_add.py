"""Frames that are added to a tensor where they overlap, as ``index_add_`` of a framed signal: shifted sums."""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Int64
from edgekit.export.passes.constant_parts import Parts
from edgekit.graph.nodes import array_of


@dataclass(frozen=True)
class Frames:
    """Frames of `length` rows, the first one at `start`, each `step` rows after the one before."""

    start: int
    length: int
    step: int
    count: int

    @staticmethod
    def find(rows: Int64) -> "Frames | None":
        """Return the frames whose rows, one frame after another, have these places; None if they have no such order."""
        breaks = np.flatnonzero(np.diff(rows) != 1)
        length = int(breaks[0]) + 1 if len(breaks) else len(rows)
        if len(rows) % length or len(rows) == length:
            return None
        found = rows.reshape(-1, length)
        step = int(found[1, 0] - found[0, 0])
        expected = rows[0] + step * np.arange(len(found))[:, None] + np.arange(length)
        if step < 1 or not (found == expected).all():
            return None
        return Frames(int(rows[0]), length, step, len(found))


def add_overlaps(
    parts: Parts, data: ir.Value, update: ir.Value, axis: int, frames: Frames
) -> ir.Value:
    """Return `data` plus the frames of `update`: each n-th piece of `step` rows of all frames is one shifted signal."""
    shape, step = parts.shape(update), frames.step
    pieces = -(-frames.length // step)
    framed = parts.reshape(update, (*shape[:axis], frames.count, frames.length, *shape[axis + 1 :]))
    framed = parts.fill_up(framed, axis + 1, pieces * step)
    flat = (*shape[:axis], frames.count * step, *shape[axis + 1 :])
    size, base = parts.shape(data)[axis], array_of(data)
    total = None if base is not None and not base.any() else data
    for n in range(pieces):
        piece = parts.reshape(parts.cut(framed, axis + 1, n * step, (n + 1) * step), flat)
        placed = parts.place_rows(piece, axis, frames.start + n * step, size)
        total = (
            placed if total is None else parts.add_shaped("Add", (total, placed), parts.shape(data))
        )
    assert total is not None
    return total
