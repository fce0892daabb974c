"""Lines of memory in transfer: the times of the engine's port, of the program's words, and of results.

A process goes on as far as it can, and yields while it waits for something unknown. `Port.moved` signals that something
has become known.
"""

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from edgekit.fpga.dram import Burst, Bus, Timing
from edgekit.fpga.spec import EngineSpec
from edgekit.fpga.traffic import LINE, WRITE_SLOTS, Segment

LINE_WORDS = LINE // 4
AHEAD = 4  # lines of the program that are read before their use
QUEUE = 8  # bursts of writes that memory takes before it has moved the first
LEAVING = 16  # beats of writes that wait in ek_writer
Process = Generator[None, None, None]
Taking = Generator[None, None, int]


class Port:
    """The engine's port: its memory, and the one of two readers that asks it for a line."""

    def __init__(self, timing: Timing, spec: EngineSpec) -> None:
        """Start without requests."""
        self.bus, self.bytes = Bus(timing), spec.port_bytes
        self.beats = LINE // self.bytes
        self.asks: dict[int, Burst] = {}  # of each reader
        self.granted, self.served = -1, 0
        self.moved = True  # something has happened that others may wait for

    def ask(self, client: int, address: int, at: int) -> Burst:
        """Ask for a line from cycle `at` on."""
        burst = Burst(address // LINE * LINE, self.beats, at)
        self.asks[client], self.moved = burst, True
        return burst

    def step(self) -> bool:
        """Do the next step; return False where there is none."""
        asks = self.asks.items()
        grant = min((max(burst.at, self.granted + 1) for _, burst in asks), default=-1)
        move = self.bus.next_at()
        if asks and (move < 0 or grant < move):
            ready = [client for client, burst in asks if burst.at <= grant]
            client = ready[0] if len(ready) == 1 else 1 - self.served
            burst = self.asks.pop(client)
            self.granted, self.served = grant, client
            burst.granted, burst.at = grant, grant + 1
            self.bus.reads.append(burst)
            return True
        if move >= 0:
            self.bus.move(move)
        return move >= 0


class Words:
    """The program's words, read ahead from one place on: `rtl/ek_words.sv`."""

    def __init__(self, port: Port, base: int, start: int, address: int, limit: int) -> None:
        """Begin at cycle `start` with word `address`, and end at word `limit`."""
        self.port, self.base, self.start = port, base, start
        self.address, self.limit = address, limit
        self.lines: list[Burst] = []
        self.freed: list[int] = []
        self.first, self.ended = address // LINE_WORDS, False
        port.asks.pop(0, None)

    def fetch(self) -> Process:
        """Ask for lines."""
        at = self.start + 1
        for number in range(-(-self.limit // LINE_WORDS) - self.first):
            while len(self.freed) <= number - AHEAD and not self.ended:
                yield
            if self.ended:
                return
            if number >= AHEAD:
                at = max(at, self.freed[number - AHEAD] + 1)
            burst = self.port.ask(0, self.base + LINE * (self.first + number), at)
            self.lines.append(burst)
            while burst.granted < 0:
                if self.ended:
                    return
                yield
            at = burst.granted + 1

    def take(self, count: int, at: int) -> Taking:
        """Take words, a cycle each, from cycle `at` on; return the cycle of the last."""
        while count:
            number, word = divmod(self.address, LINE_WORDS)
            number -= self.first
            while len(self.lines) <= number or self.lines[number].given < 0:
                yield
            there = self.lines[number].given + word * 4 // self.port.bytes + 1
            some = min(count, LINE_WORDS - word)
            at = max(at, there) + some
            self.address += some
            self.port.moved = True
            count -= some
            if word + some == LINE_WORDS:
                self.freed.append(at - 1)
        return at - 1


@dataclass
class Line:
    """A line that is gathered: where, and the first and last beat of the bus that were written."""

    line: int
    first: int
    last: int


class Writer:
    """Lines on their way to memory: `rtl/ek_writer.sv`."""

    def __init__(self, port: Port, lanes: int) -> None:
        """Start without gathered lines."""
        self.port, self.lanes = port, lanes
        self.slots: dict[int, Line] = {}
        self.bursts: list[Burst] = []
        self.free = 0  # when the next line may leave

    def leave(self, line: Line, at: int) -> Taking:
        """Let a line leave at cycle `at` or later; return when it does."""
        beats = line.last - line.first + 1
        behind = self.bursts[-QUEUE] if len(self.bursts) >= QUEUE else None
        while behind is not None and behind.begun < 0:
            yield
        starts = max(at, self.free)
        ready = starts + 2 + beats
        if behind is not None:
            ready = max(ready, behind.begun + beats)
        self.free = max(starts + beats + 1, ready - LEAVING + 1)
        burst = Burst(line.line * LINE + line.first * self.port.bytes, beats, ready)
        self.bursts.append(burst)
        self.port.bus.writes.append(burst)
        self.port.moved = True
        return starts

    def flush(self, at: int) -> Taking:
        """Let all lines leave; return when memory has answered for everything."""
        at += 1
        for slot in range(WRITE_SLOTS):
            line = self.slots.pop(slot, None)
            if line is not None:
                at = (yield from self.leave(line, at)) + 1
            at += 1
        for burst in self.bursts:
            while burst.given < 0:
                yield
            at = max(at, burst.given + 1)
        self.bursts.clear()
        return at

    def gather(self, segment: Segment) -> list[tuple[int, Line]]:
        """The lines that leave while a segment is written, each with the write that makes it leave."""
        order = np.argsort(segment.write_slot, kind="stable")
        slot, address = segment.write_slot[order], segment.write_address[order]
        line = address // LINE
        new = np.flatnonzero(np.diff(slot, prepend=-1) | np.diff(line, prepend=-1))
        beat = address % LINE // self.port.bytes
        end_beat = (address % LINE + self.lanes - 1) // self.port.bytes
        found = []
        for first, end in zip(new, np.append(new, len(order))[1:], strict=True):
            own = Line(int(line[first]), int(beat[first:end].min()), int(end_beat[first:end].max()))
            old = self.slots.get(int(slot[first]))
            if old is not None and old.line == own.line:
                own.first, own.last = min(own.first, old.first), max(own.last, old.last)
            elif old is not None:
                found.append((int(segment.write_at[order[first]]), old))
            self.slots[int(slot[first])] = own
        return sorted(found, key=lambda pair: pair[0])
