"""The relation of moved elements to their origins: storage that both can share, loops that pass through both."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Int64
from edgekit.operators.geometry import dims
from edgekit.operators.roles import constant
from edgekit.targets.c.loops.walks import Walk, walk

Numbers = Int64
LONGEST_TABLE = 64  # offsets in one loop
MOST_WALKS = 16  # between one origin and one result


@dataclass(frozen=True)
class SharedStorage:
    """The storage that a moved tensor can share with its origins; offsets count elements.

    Attributes:
        view: (input, offset) where the whole result is a stretch of one input.
        parts: (input, offset) of each input that is found, as a whole, in a stretch of the result.
        shifts: inputs that the result may overwrite, when they are moved before all others.
    """

    view: tuple[int, int] | None = None
    parts: tuple[tuple[int, int], ...] = ()
    shifts: tuple[int, ...] = ()


def shared_storage(numbers: Numbers, inputs: Sequence[ir.Value]) -> SharedStorage:
    """Find the storage that a `MOVE` can share; a constant shares nothing.

    Args:
        numbers: per element of the result, flat, its origin: counted from 1 on through all inputs.
        inputs: the origins.
    """
    parts, shifts, start = [], [], 1
    for index, value in enumerate(inputs):
        size = elements(value)
        places = np.flatnonzero((numbers >= start) & (numbers < start + size))
        source = numbers[places] - start
        start += size
        if constant(value) is not None:
            continue
        run = bool((np.diff(places) == 1).all() and (np.diff(source) == 1).all())
        if run and places.size == numbers.size:
            return SharedStorage(view=(index, int(source[0])))
        whole = _whole(numbers, start - size, size)
        if whole is not None:
            parts.append((index, whole))
        elif size == numbers.size and can_shift(source, places):
            shifts.append(index)
    return SharedStorage(parts=tuple(parts), shifts=tuple(shifts))


def _whole(numbers: Numbers, first: int, size: int) -> int | None:
    """Return the place where all `size` elements from `first` of an input lie in order; None without one."""
    for place in np.flatnonzero(numbers == first)[:MOST_WALKS].tolist():
        if np.array_equal(numbers[place : place + size], np.arange(first, first + size)):
            return int(place)
    return None


def can_shift(source: Numbers, places: Numbers) -> bool:
    """Whether elements can move within one storage: one run, or loops that never overtake."""
    run = (np.diff(places) == 1).all() and (np.diff(source) == 1).all()
    return bool(run or ((source >= places).all() and _is_short(walk([source, places]))))


def short_walks(source: Numbers, places: Numbers) -> list[Walk] | None:
    """Loops of short tables through pairs of indices: one walk, or one per run of a repeated row.

    None where that takes too many.
    """
    whole = walk([source, places])
    if _is_short(whole):
        return [whole]
    turns, count = _rows(source, places)
    rows = source.reshape(turns, count), places.reshape(turns, count)
    ends = _run_ends(rows[0][0], rows[1][0])
    if len(ends) > MOST_WALKS:
        return None
    starts = [0, *ends[:-1]]
    return [walk([row[:, a:b].ravel() for row in rows]) for a, b in zip(starts, ends, strict=True)]


def _rows(source: Numbers, places: Numbers) -> tuple[int, int]:
    """The shortest row that repeats at constant strides: how often, and its length."""
    size = source.size
    for count in (n for n in range(1, size + 1) if size % n == 0):
        if _repeats([items.reshape(-1, count) for items in (source, places)]):
            return size // count, count
    return 1, size


def _repeats(lists: Sequence[Numbers]) -> bool:
    """Whether the rows of each list are alike but for where they begin, at constant strides."""
    if any((rows[:2] - rows[:2, :1] != rows[0] - rows[0, 0]).any() for rows in lists):
        return False  # soon, without a look at all rows
    same = all((rows - rows[:, :1] == rows[0] - rows[0, 0]).all() for rows in lists)
    return same and all(np.unique(np.diff(rows[:, 0])).size <= 1 for rows in lists)


def _run_ends(source: Numbers, places: Numbers) -> list[int]:
    """Return the ends of the runs of constant strides."""
    steps = np.stack([np.diff(source), np.diff(places)], axis=1)
    ends, start = [], 0
    while start < source.size:
        rest = steps[start:]
        broken = np.flatnonzero((rest != rest[:1]).any(axis=1))
        start += 1 + (int(broken[0]) if broken.size else len(rest))
        ends.append(start)
        if len(ends) > MOST_WALKS:
            break
    return ends


def _is_short(path: Walk) -> bool:
    steps = [step for _, each in path.loops for step in each if not isinstance(step, int)]
    return all(step.size <= LONGEST_TABLE for step in steps)


def elements(value: ir.Value) -> int:
    """Elements of a tensor."""
    return int(np.prod(dims(value), dtype=np.int64))
