"""Placing tensors in one block: lifetimes over the schedule, and offsets that never overlap in time."""

from bisect import insort
from dataclasses import dataclass, replace

ALIGN = 16
ROUNDS = 16


@dataclass(frozen=True)
class Interval:
    """A block of `size` bytes that must exist from step `first` to step `last`, both included."""

    name: str
    size: int
    first: int
    last: int


def place(intervals: list[Interval]) -> tuple[dict[str, int], int]:
    """Return ``(offset by name, total bytes)``; offsets are multiples of `ALIGN`.

    Greedy by size (Pisarchyk and Lee, arXiv 2001.03288, section 5.2). Then again with the block that ends highest moved
    to the front, until the lower bound is met or `ROUNDS` are over.
    """
    order = sorted(intervals, key=lambda i: (-i.size, i.first, i.name))
    bound = lower_bound([replace(i, size=align_size(i.size)) for i in intervals])
    best, least = _first_fit(order)
    for _ in range(ROUNDS):
        if least <= bound:
            break
        offsets, total = _first_fit(order)
        if total < least:
            best, least = offsets, total
        highest = max(order, key=lambda i: (offsets[i.name] + i.size, i.name))
        order = [highest, *(i for i in order if i is not highest)]
    return best, least


def _first_fit(order: list[Interval]) -> tuple[dict[str, int], int]:
    """Each block at the lowest offset that is free during its whole life."""
    placed: list[tuple[int, Interval]] = []
    for interval in order:
        offset = 0
        for start, other in placed:  # by offset
            apart = other.last < interval.first or interval.last < other.first
            if not apart and start < offset + interval.size and offset < start + other.size:
                offset = align_size(start + other.size)
        insort(placed, (offset, interval), key=lambda p: p[0])
    total = max((align_size(start + i.size) for start, i in placed), default=0)
    return {interval.name: start for start, interval in placed}, total


def lower_bound(intervals: list[Interval]) -> int:
    """Bytes that no placement can beat: the largest sum of sizes alive in one step."""
    steps = {interval.first for interval in intervals}
    return max(
        (sum(i.size for i in intervals if i.first <= step <= i.last) for step in steps), default=0
    )


def align_size(size: int) -> int:
    """Return this number of bytes and the padding to align the next."""
    return -(-size // ALIGN) * ALIGN
