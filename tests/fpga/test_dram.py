"""The bus of a memory: bursts in the order of their turns, rows, refreshes."""

from collections import deque

from edgekit.fpga.dram import IDEAL, Burst, Bus, Timing

SLOW = Timing(
    latency=3, row_miss=10, refresh_every=0, refresh=0, turnaround=5, banks=1, row_bytes=64
)


def moved(bus: Bus) -> list[Burst]:
    """All bursts, in the order in which they move."""
    waiting = [*bus.reads, *bus.writes]
    while (now := bus.next_at()) >= 0:
        bus.move(now)
    return sorted(waiting, key=lambda burst: burst.begun)


def test_reads_follow_each_other_without_a_gap() -> None:
    bursts = moved(Bus(IDEAL, reads=deque(Burst(64 * i, 8, 0) for i in range(3))))
    assert [burst.begun for burst in bursts] == [0, 8, 16]
    assert [burst.given for burst in bursts] == [1, 9, 17]


def test_another_row_is_opened_and_a_turn_of_the_bus_waits() -> None:
    bus = Bus(SLOW, reads=deque([Burst(0, 4, 0), Burst(8, 4, 0), Burst(64, 4, 0)]))
    assert [burst.given for burst in moved(bus)] == [10 + 3, 14 + 3, 18 + 10 + 3]
    bus = Bus(SLOW, reads=deque([Burst(0, 4, 0)]), writes=deque([Burst(8, 4, 20)]))
    assert [burst.given for burst in moved(bus)] == [13, 20 + 5 + 4 + 3]


def test_where_both_wait_the_direction_changes_every_eighth_time() -> None:
    reads, writes = (deque(Burst(0, 1, 0) for _ in range(12)) for _ in range(2))
    kinds = {id(burst): kind for kind, queue in (("r", reads), ("w", writes)) for burst in queue}
    order = "".join(kinds[id(burst)] for burst in moved(Bus(IDEAL, reads=reads, writes=writes)))
    assert order.startswith("r" * 7 + "w") and sorted(order) == ["r"] * 12 + ["w"] * 12


def test_a_refresh_closes_all_rows_and_takes_the_bus() -> None:
    timing = Timing(0, 10, 100, 20, 0, 1, 64)
    bus = Bus(
        timing, next_refresh=100, reads=deque([Burst(0, 4, 0), Burst(8, 4, 0), Burst(16, 4, 150)])
    )
    assert [burst.given for burst in moved(bus)] == [10, 14, 150 + 10]
