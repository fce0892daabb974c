"""Whether iterations of a loop can be followed all at once."""

from collections.abc import Iterator

import numpy as np

from edgekit.runtime.proof.memory import Event
from edgekit.runtime.proof.values import Pointer, Span, Value, bounds, index_of


def depends_on_order(events: list[Event]) -> bool:
    """Whether iterations of loops touch bytes that others write, so that they must be followed one by one."""
    return any(
        _meet(event.target, event.size, pointer, size)
        for i, event in enumerate(events)
        for pointer, size in _touches(events, i)
        if event.target is not None and not event.maybe  # such a write changes no byte's value
        if not event.target.block.startswith("local ")
    )


def _meet(target: Pointer, size: int, other: Pointer, other_size: int) -> bool:
    """Whether an iteration touches, as `other`, what another one writes."""
    if other.block != target.block or not _overlap(target, size, other, other_size):
        return False
    is_run = size == other_size and not isinstance(other.at, Span)
    if is_run and np.array_equal(np.unique(other.at), np.unique(target.at)):
        return not _in_step(other.at, target.at)
    both = np.intersect1d(index_of(other.at, other_size), index_of(target.at, size))
    return bool(both.size)


def _touches(events: list[Event], skipped: int) -> Iterator[tuple[Pointer, int]]:
    for i, event in enumerate(events):
        if event.source is not None:
            yield event.source, event.size
        if event.target is not None and i != skipped:
            yield event.target, event.size


def _overlap(a: Pointer, a_size: int, b: Pointer, b_size: int) -> bool:
    (a_low, a_high), (b_low, b_high) = bounds(a.at), bounds(b.at)
    return a_low < b_high + b_size and b_low < a_high + a_size


def _in_step(a: Value, b: Value) -> bool:
    """Whether each iteration touches its own places alone."""
    if isinstance(b, Span):
        return False
    a, b = np.broadcast_arrays(a, b)
    return bool((a == b).all()) and np.unique(a).size == a.size
