"""Placement: nothing that lives at the same time overlaps, and the bound is a bound."""

from hypothesis import given
from hypothesis import strategies as st

from edgekit.targets.c.plan.memory import ALIGN, Interval, lower_bound, place


@st.composite
def schedules(draw: st.DrawFn) -> list[Interval]:
    count = draw(st.integers(0, 25))
    intervals = []
    for i in range(count):
        first = draw(st.integers(0, 20))
        intervals.append(
            Interval(f"t{i}", draw(st.integers(0, 500)), first, first + draw(st.integers(0, 8)))
        )
    return intervals


@given(schedules())
def test_no_overlap_in_space_and_time(intervals: list[Interval]) -> None:
    offsets, total = place(intervals)
    for i, a in enumerate(intervals):
        assert offsets[a.name] % ALIGN == 0
        assert offsets[a.name] + a.size <= total
        for b in intervals[i + 1 :]:
            together = a.first <= b.last and b.first <= a.last
            apart = (
                offsets[a.name] + a.size <= offsets[b.name]
                or offsets[b.name] + b.size <= offsets[a.name]
            )
            assert not together or apart or 0 in (a.size, b.size)
    assert total >= lower_bound(intervals)


def test_a_chain_needs_two_buffers() -> None:
    chain = [Interval(f"t{i}", 160, i, i + 1) for i in range(10)]
    assert place(chain)[1] == lower_bound(chain) == 320
