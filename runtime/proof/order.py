"""Whether iterations of a loop can be followed all at once."""

from collections.abc import Iterator

import numpy as np

from edgekit.runtime.proof.memory import Event
from edgekit.runtime.proof.values import Pointer, Span, Value, bounds, offset_index, overlap, places


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
    if other.block != target.block or not overlap(target, size, other, other_size):
        return False
    if size == other_size and _in_step(other.at, target.at, size):
        return False
    (first, last), (other_first, other_last) = bounds(target.at), bounds(other.at)
    low = min(first, other_first)
    written = np.zeros(max(last + size, other_last + other_size) - low, bool)
    written[offset_index(places(target.at, size), low)] = True
    return bool(written[offset_index(places(other.at, other_size), low)].any())


def _touches(events: list[Event], skipped: int) -> Iterator[tuple[Pointer, int]]:
    for i, event in enumerate(events):
        if event.source is not None:
            yield event.source, event.size
        if event.target is not None and i != skipped:
            yield event.target, event.size


def _in_step(a: Value, b: Value, size: int) -> bool:
    """Whether each iteration touches its own runs of bytes alone."""
    if isinstance(a, Span) or isinstance(b, Span):
        return False
    a, b = np.broadcast_arrays(a, b)
    return bool((a == b).all()) and _are_apart(np.ravel(a), size)


def _are_apart(starts: Value, size: int) -> bool:
    """Whether no byte is in two of the runs that begin at these places."""
    if (starts[1:] - starts[:-1] >= size).all():
        return True
    seen = np.zeros(starts.max() - starts.min() + size, bool)
    seen[offset_index(places(starts, size), starts.min())] = True
    return bool(seen.sum() == starts.size * size)
