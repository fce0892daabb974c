"""Placing tensors in one block: lifetimes over the schedule, and offsets that never overlap in time."""

from dataclasses import dataclass

ALIGN = 16


@dataclass(frozen=True)
class Interval:
    """A block of `size` bytes that must exist from step `first` to step `last`, both included."""

    name: str
    size: int
    first: int
    last: int


def place(intervals: list[Interval]) -> tuple[dict[str, int], int]:
    """Return ``(offset by name, total bytes)``; offsets are multiples of `ALIGN`.

    Greedy by size: the largest first, each at the lowest offset that is free during its whole life
    (Pisarchyk and Lee, arXiv 2001.03288, section 5.2).
    """
    placed: list[tuple[int, Interval]] = []
    for interval in sorted(intervals, key=lambda i: (-i.size, i.first, i.name)):
        offset = 0
        for start, other in sorted(placed, key=lambda p: p[0]):
            apart = other.last < interval.first or interval.last < other.first
            if not apart and start < offset + interval.size and offset < start + other.size:
                offset = _aligned(start + other.size)
        placed.append((offset, interval))
    total = max((_aligned(start + i.size) for start, i in placed), default=0)
    return {interval.name: start for start, interval in placed}, total


def lower_bound(intervals: list[Interval]) -> int:
    """Bytes that no placement can beat: the largest sum of sizes alive in one step."""
    steps = {interval.first for interval in intervals}
    return max(
        (sum(i.size for i in intervals if i.first <= step <= i.last) for step in steps), default=0
    )


def _aligned(size: int) -> int:
    return -(-size // ALIGN) * ALIGN
