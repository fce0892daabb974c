"""DRAM at an engine's memory port: its timing, and a model of its bus, a burst at a time."""

from collections import deque
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Timing:
    """Times of memory, in cycles of the engine's clock; `rtl/sim_memory.h` simulates the same.

    Attributes:
        latency: from when the bus has a burst to its first beat, or to its answer.
        row_miss: to open another row of a bank.
        refresh_every: cycles between refreshes, 0 for none.
        refresh: of one; it closes all rows.
        turnaround: of the bus, from reads to writes and back.
        banks: of rows of `row_bytes`, one after another.
        row_bytes: of a row.
    """

    latency: int
    row_miss: int
    refresh_every: int
    refresh: int
    turnaround: int
    banks: int
    row_bytes: int


IDEAL = Timing(1, 0, 0, 0, 0, 1, 4096)
DRAM = Timing(30, 9, 975, 70, 4, 8, 2048)
"""Assumed, for LPDDR4 at 250 MHz: activate and precharge of a row 36 ns, refresh of 280 ns every 3.9 us, 120 ns through
interconnect and controller."""


@dataclass
class Burst:
    """A burst, and the cycles of its events: -1 while unknown.

    Attributes:
        address: of its first byte.
        beats: of the bus.
        at: the cycle when memory has it; of a write, when it has its last beat.
        granted: the cycle when the engine's port took a read.
        given: a read's first beat, or a write's answer.
        begun: the cycle when it left the queue of waiting bursts.
    """

    address: int
    beats: int
    at: int
    granted: int = -1
    given: int = -1
    begun: int = -1


@dataclass
class Bus:
    """The bus of a memory: bursts that wait, and when the next of them may move."""

    timing: Timing
    free: int = 0
    next_refresh: int = 0
    reading: bool = True  # the last burst
    turns: int = 0
    delivered: int = 0  # the first cycle without a beat of the reads so far
    answered: int = 0
    reads: deque[Burst] = field(default_factory=deque)
    writes: deque[Burst] = field(default_factory=deque)
    rows: dict[int, tuple[int, int]] = field(
        default_factory=dict
    )  # of a bank: its row, when it is free

    def next_at(self) -> int:
        """Return the cycle when the next burst may move, or -1 where none waits."""
        first = [queue[0].at for queue in (self.reads, self.writes) if queue]
        return max(self._free(min(first))[0], min(first)) if first else -1

    def _free(self, now: int) -> tuple[int, int]:
        """Return the cycle when the bus is free, as known at `now`, and that of the next refresh."""
        free, refresh = self.free, self.next_refresh
        while self.timing.refresh_every and refresh <= max(free, now):
            free = max(free, refresh) + self.timing.refresh
            refresh += self.timing.refresh_every
        return free, refresh

    def _takes_read(self, now: int) -> bool:
        """Whether it is a read's turn; where both wait, the direction changes every eighth time."""
        reads = bool(self.reads) and self.reads[0].at <= now
        writes = bool(self.writes) and self.writes[0].at <= now
        if reads and writes:
            self.turns += 1
            return self.reading != (self.turns % 8 == 0)
        return reads

    def move(self, now: int) -> None:
        """Move the burst whose turn it is at `now`, which is `next_at()`."""
        timing = self.timing
        first = min(queue[0].at for queue in (self.reads, self.writes) if queue)
        self.free, refresh = self._free(first)
        if refresh != self.next_refresh:
            self.next_refresh = refresh
            self.rows = {bank: (-1, self.free) for bank in range(timing.banks)}
        reads = self._takes_read(now)
        burst = (self.reads if reads else self.writes).popleft()
        row = burst.address // timing.row_bytes
        open_row, ready = self.rows.get(row % timing.banks, (-1, 0))
        start = max(now, self.free) + (timing.turnaround if reads != self.reading else 0)
        if open_row != row:
            start = max(start, max(ready, burst.at) + timing.row_miss)
        self.free = start + burst.beats
        self.rows[row % timing.banks] = row, self.free
        self.reading, burst.begun = reads, now
        if reads:
            burst.given = max(start + timing.latency, self.delivered)
            self.delivered = burst.given + burst.beats
        else:
            burst.given = max(self.free + timing.latency, self.answered)
            self.answered = burst.given + 1
