"""Lists of indices as loops over strides, with at most one table of offsets where no stride fits."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgekit.base.arrays import Int64

Indices = Int64
Step = (
    int | Indices
)  # the increment of an index in one loop step: a stride, or an offset from a table
Loop = tuple[int, tuple[Step, ...]]


@dataclass(frozen=True)
class Walk:
    """Loops, outermost first, that pass through given lists of indices, one list per operand."""

    starts: tuple[int, ...]
    loops: tuple[Loop, ...]


def walk(lists: Sequence[Indices]) -> Walk:
    """Find the loops of equally long lists of indices."""
    starts = tuple(int(items[0]) for items in lists)
    left = [items - items[0] for items in lists]
    inner: list[Loop] = []
    while left[0].size > 1:
        count, steps = _innermost(left)
        if count == 1:
            break
        inner.insert(0, (count, steps))
        left = [items[::count] for items in left]
    return Walk(starts, (*_with_table(left), *inner))


def _innermost(lists: Sequence[Indices]) -> Loop:
    """The longest count that divides the lists into runs of constant strides, and the strides."""
    size = lists[0].size
    steps = tuple(int(items[1] - items[0]) for items in lists)
    broken = [
        np.flatnonzero(np.diff(items) != step) + 1 for items, step in zip(lists, steps, strict=True)
    ]
    return math.gcd(size, *np.unique(np.concatenate(broken)).tolist()), steps


def _with_table(lists: Sequence[Indices]) -> list[Loop]:
    """A loop over the shortest table that repeats at a constant stride, inside the loop that repeats it."""
    size = lists[0].size
    for count in (n for n in range(2, size + 1) if size % n == 0):
        rows = [items.reshape(-1, count) for items in lists]
        steps = _steps_between(rows)
        if steps is not None:
            table = (count, tuple(_stride_or_table(row[0]) for row in rows))
            return [(size // count, steps), table] if count < size else [table]
    return []


def _steps_between(rows: Sequence[Indices]) -> tuple[int, ...] | None:
    """Return the constant step from row to row of each list, if they are alike otherwise; else None."""
    turns = np.arange(len(rows[0]))
    steps = tuple(int(row[1, 0] - row[0, 0]) if len(row) > 1 else 0 for row in rows)
    alike = all(
        (row - row[:, :1] == row[0]).all() and (row[:, 0] == turns * step).all()
        for row, step in zip(rows, steps, strict=True)
    )
    return steps if alike else None


def _stride_or_table(items: Indices) -> Step:
    step = int(items[1])
    return step if (items == np.arange(items.size) * step).all() else items
