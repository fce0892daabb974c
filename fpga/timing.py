"""Cycles of an engine on its buses: a program walked as the RTL's state machines walk it, a line of memory at a time.

Between two lines everything moves a beat a cycle, so only waiting parts are modelled: a missing line, a leaving line, a
bank of weights. If beat i of a run is at a cycle, the rest follow: `slack` is that cycle less i.
"""

from bisect import bisect_right
from collections.abc import Iterator

import numpy as np

from edgekit.fpga.cycles import DENSE_LATENCY, DEPTHWISE_LATENCY, REFILL, tree_levels
from edgekit.fpga.dram import DRAM, Burst, Timing
from edgekit.fpga.lines import Line, Port, Process, Taking, Words, Writer
from edgekit.fpga.program import Program
from edgekit.fpga.spec import TAPS, EngineSpec
from edgekit.fpga.stages import stages
from edgekit.fpga.traffic import LINE, READ_SLOTS, Memory, Segment, segments
from edgekit.fpga.words import HEADER_WORDS, LAYER, LAYER_WORDS, PATHS, REGIONS, Record, get

PENDING, ARRIVING, ROOM = (
    64,
    8,
    16,
)  # beats and lines that ek_reader has under way, results of a path
TO_GO, TO_SERVE, SERVED = (
    9,
    10,
    3,
)  # cycles from a run's start to its first beat there, and on to the path
WALKED = 40_000  # beats of memory of a layer; only groups within them are walked, the rest alike
CLEAR = READ_SLOTS + 1  # cycles until all lines are forgotten
STORED = 4  # cycles from when a result is taken to when ek_writer looks for its line
PROGRAM_AT = 4096  # where the simulation puts the program
REGION_LOW = 30
FIRST = 2  # cycle at which a run begins, the memory's clock counted


class Slack:
    """Cycles that beats are late."""

    def __init__(self, first: int) -> None:
        """Begin with beat 0 at cycle `first`."""
        self.beats, self.cycles = [0], [first]

    def at(self, beat: int) -> int:
        """The cycle of a beat."""
        return self.cycles[bisect_right(self.beats, beat) - 1] + beat

    def reach(self, beat: int, cycle: int) -> None:
        """Record that beat `beat`, after all known ones, arrives at `cycle` or later."""
        if cycle - beat > self.cycles[-1]:
            self.beats.append(beat)
            self.cycles.append(cycle - beat)


class Run:
    """A run of a data path, from cycle `start` on: its reads, its computation and its writes."""

    def __init__(
        self,
        port: Port,
        writer: Writer,
        tags: dict[int, int],
        path: str,
        parts: list[Segment],
        start: int,
        levels: int,
    ) -> None:
        """Begin a run; `tags` has the line of each slot of ek_reader."""
        self.port, self.writer, self.path, self.parts, self.tags = port, writer, path, parts, tags
        self.latency = {
            "dense": DENSE_LATENCY + levels,
            "depthwise": DEPTHWISE_LATENCY,
            "pool": 1,
        }[path]
        self.freed = REFILL + levels + 1
        self.go, self.serve = Slack(start + TO_GO), Slack(start + TO_SERVE)
        self.waits, self.store = Slack(start + TO_SERVE + SERVED), Slack(-(1 << 60))
        self.served = self.taken = (
            0  # beats with known times at which ek_reader passes them, and the path has room
        )
        self.full: list[int] = []  # of each group of weights, when it is there
        self.asked: list[Burst] = []  # lines that were not there
        self.filled: list[int] = []  # when they are
        self.popped: list[int] = []  # of each line that made way, when its result was taken
        self.misses: list[
            list[tuple[int, int]]
        ] = []  # of each part: beat, and place among its reads
        self.leaving: list[list[tuple[int, Line]]] = []  # of each part: beat of the results, line
        self.working = (
            3  # the outputs of ek_reader, the path and the writer; the others end before them
        )
        self.firsts = [0, *np.cumsum([part.beats for part in parts]).tolist()]

    def processes(self) -> list[Process]:
        """Return the concurrent processes."""
        return [self._read(), self._serve(), self._take(), self._write()]

    def take(self, beat: int) -> int:
        """Return the cycle at which the path takes a beat."""
        return max(self.waits.at(beat), self.serve.at(beat) + SERVED)

    def _knows(self, beat: int) -> bool:
        """Whether it is known when the path takes a beat."""
        return self.served > beat and self.taken > beat

    def _missing(self, number: int) -> list[tuple[int, int]]:
        """Beats of a part whose line is not that of the slot's last read."""
        while len(self.misses) <= number:
            part, first = self.parts[len(self.misses)], self.firsts[len(self.misses)]
            order = np.argsort(part.read_slot, kind="stable")
            slot, line = part.read_slot[order], part.read_address[order] // LINE
            new = np.diff(slot, prepend=-1) != 0
            tags = np.array([self.tags.get(i, -1) for i in range(READ_SLOTS)])
            before = np.where(new, tags[slot], np.roll(line, 1))
            places = np.sort(order[before != line])
            self.misses.append([(first + int(part.read_at[i]), int(i)) for i in places])
            ends = np.flatnonzero(np.diff(slot, append=-1))
            self.tags.update(zip(slot[ends].tolist(), line[ends].tolist(), strict=True))
        return self.misses[number]

    def _lines(self, number: int) -> list[tuple[int, Line]]:
        """Writes of a part that make a line leave, and that line."""
        while len(self.leaving) <= number:
            self.leaving.append(self.writer.gather(self.parts[len(self.leaving)]))
        return self.leaving[number]

    def _read(self) -> Process:
        for number, part in enumerate(self.parts):
            for beat, place in self._missing(number):
                before = beat - PENDING
                while (
                    self.served <= before
                    or self.taken <= before - ROOM
                    or len(self.filled) <= len(self.asked) - ARRIVING
                ):
                    yield
                at = self.go.at(beat)
                if before >= 0:
                    at = max(at, self._given(before) + 1)
                if len(self.asked) >= ARRIVING:
                    at = max(at, self.filled[len(self.asked) - ARRIVING] + 1)
                burst = self.port.ask(1, int(part.read_address[place]), at)
                while burst.granted < 0:
                    yield
                self.go.reach(beat, burst.granted)
                self.asked.append(burst)

    def _given(self, beat: int) -> int:
        """Return the cycle at which ek_reader passes on a beat."""
        return max(self.serve.at(beat), self.take(beat - ROOM) + 1 if beat >= ROOM else 0)

    def _serve(self) -> Process:
        """The first beats of lines that come."""
        slots: dict[int, int] = {}
        for number, end in enumerate(self.firsts[1:]):
            for beat, place in self._missing(number):
                self.served, self.port.moved = beat, True
                line = len(self.filled)
                while (
                    len(self.asked) <= line
                    or self.asked[line].given < 0
                    or self.taken <= beat - ROOM
                ):
                    yield
                burst, slot = self.asked[line], int(self.parts[number].read_slot[place])
                begins = max(
                    burst.given + 1, self.filled[-1] if self.filled else 0, slots.get(slot, 0)
                )
                self.filled.append(begins + burst.beats)
                self.serve.reach(beat, max(self._given(beat), burst.granted + 1, self.filled[-1]))
                slots[slot] = self.serve.at(beat) + 1
            self.served, self.port.moved = end, True
        self.working -= 1

    def _events(self, number: int) -> Iterator[tuple[int, int, int]]:
        """Beats of a part at which its path may wait: for weights, and for room for a result."""
        if self.path == "dense":
            yield self.firsts[number], 0, number
        room = 1 if self.path == "pool" else ROOM
        lines = self._lines(number)
        done = sum(map(len, self.leaving[:number]))
        for i, (write, _) in enumerate(lines):
            part = self.parts[number]
            later, result = divmod(write // part.parts + room, len(part.result_at))
            if number + later < len(self.parts):
                yield self.firsts[number + later] + int(part.result_at[result]), 1, done + i

    def _take(self) -> Process:
        """Beats that wait for weights, or for a result to leave."""
        waiting: list[tuple[int, int, int]] = []
        for number, end in enumerate(self.firsts[1:]):
            events = sorted([*waiting, *self._events(number)])
            waiting = [event for event in events if event[0] >= end]
            for beat, kind, which in events[: len(events) - len(waiting)]:
                self.taken, self.port.moved = beat, True
                found = self.popped if kind else self.full
                while len(found) <= which:
                    yield
                self.waits.reach(beat, found[which] + (kind == 1 and self.path != "pool"))
            self.taken, self.port.moved = end, True
        self.working -= 1

    def _write(self) -> Process:
        before = 0
        for number, part in enumerate(self.parts):
            for write, line in self._lines(number):
                result, share = divmod(write, part.parts)
                beat = self.firsts[number] + int(part.result_at[result])
                while not self._knows(beat):
                    yield
                at = max(self.store.at(before + write), self.take(beat) + self.latency + share)
                left = yield from self.writer.leave(line, at + STORED)
                self.store.reach(before + write, left + 1 - STORED)
                self.popped.append(max(at, left + 1 - STORED) + part.parts - 1 - share)
            before += len(part.result_at) * part.parts
        self.working -= 1

    def load(self, words: Words, layer: Record, spec: EngineSpec, at: int) -> Process:
        """Fill the banks of weights: `rtl/ek_blocks.sv`; `at` is the cycle of the first word."""
        rows, room = layer.fields["beats"], spec.weight_bits * spec.lanes * spec.columns
        for number in range(len(self.parts)):
            at = (yield from words.take(2 * spec.columns, at)) + 1
            free = 0
            if number >= 2:
                last = self.firsts[number - 1] - 1
                while not self._knows(last):
                    yield
                free = self.take(last) + self.freed
            at = (yield from rows_of(words, rows, room, at, free)) + 1
            self.full.append(at)
            self.port.moved = True

    def each(self) -> int:
        """Return the cycles of a group after the first."""
        first, last = self.firsts[1] - 1, self.firsts[-1] - 1
        return (self.take(last) - self.take(first)) // max(len(self.parts) - 1, 1)

    def end(self) -> int:
        """Return the cycle after the run's last."""
        part, last = self.parts[-1], self.firsts[-1] - 1
        writes = sum(len(part.result_at) * part.parts for part in self.parts)
        beat = self.firsts[-2] + int(part.result_at[-1])
        stored = max(self.take(beat) + self.latency + part.parts - 1, self.store.at(writes - 1))
        return max(stored + STORED, self.take(last) + 2)


def rows_of(words: Words, rows: int, bits: int, at: int, free: int) -> Taking:
    """Make rows of words, from cycle `free` on; return the cycle at which the last leaves."""
    room = 32 if bits > 32 else 1 << (bits - 1).bit_length()
    each, shared = -(-bits // 32), 32 // room
    first = max((yield from words.take(each, at)) + 1, free)
    if bits > 32:
        return first if rows == 1 else (yield from words.take((rows - 1) * each, first)) + 1
    later = -(-rows // shared) - 1
    if later == 0:
        return first + rows - 1
    last = yield from words.take(later, first + shared - 1)
    return max(first + rows - 1, last + (rows - 1) % shared + 1)


class Engine:
    """The sequence of a run of layers: `rtl/ek_engine.sv`."""

    def __init__(self, program: Program, timing: Timing) -> None:
        """Lay out memory as the simulation does."""
        self.program, self.spec = program, program.spec
        self.port = Port(timing, program.spec)
        self.writer = Writer(self.port, program.spec.lanes)
        self.tags: dict[int, int] = {}
        self.content = np.frombuffer(program.words, "<u4")
        at = [PROGRAM_AT]
        for size in (len(program.words), program.memory["image"] * program.image_lanes):
            at.append(at[-1] + -(-size // LINE) * LINE)
        self.memory = Memory(
            {"image": at[1], "dram": at[2]},
            {"image": program.image_lanes, "dram": program.spec.lanes},
        )
        self.processes: list[Process] = []
        self.words = Words(self.port, PROGRAM_AT, 0, 0, 0)
        self.idle = 0  # when memory has answered for all results, -1 where that is not known
        self.cycles: list[int] = []

    def run(self, first: int, count: int) -> list[int]:
        """Run layers; return the cycles of each, the run's header and its end in the first and in the last."""
        main = self._sequence(first, count)
        self.processes = [main]
        while self._go(main):
            if not self.port.step():
                raise RuntimeError("the model of the engine waits for what never comes")
        return self.cycles

    def _go(self, main: Process) -> bool:
        """Let every process go on as far as it can; False where `main` has ended."""
        self.port.moved = True
        while self.port.moved:
            self.port.moved = False
            for process in tuple(self.processes):
                if next(process, self) is self:
                    self.processes.remove(process)
                    self.port.moved = True
        return main in self.processes

    def _begin(self, *processes: Process) -> None:
        self.processes += processes
        self.port.moved = True

    def _seek(self, at: int, address: int, limit: int) -> None:
        self.words.ended = True
        self.words = Words(self.port, PROGRAM_AT, at, address, limit)
        self._begin(self.words.fetch())

    def _sequence(self, first: int, count: int) -> Process:
        self._seek(FIRST, 0, HEADER_WORDS)
        at = yield from self.words.take(HEADER_WORDS, FIRST + 1)
        begins, clear = FIRST, at + CLEAR
        for number in range(first, first + count):
            record = HEADER_WORDS + LAYER_WORDS * number
            fields = get(LAYER, self.content[record : record + LAYER_WORDS])
            self._seek(at + 1, record, record + LAYER_WORDS)
            at = yield from self.words.take(LAYER_WORDS, at + 2)
            self._seek(at + 1, fields["first_plane"], len(self.content))
            at = yield from self.words.take(fields["planes"], at + 2)
            while self.idle < 0:
                yield
            at = yield from self._layer(number, max(at + 1, clear, self.idle) + 1)
            self.idle = -1
            self._begin(self._flush(at))
            if fields["y"] >> REGION_LOW == REGIONS.index("dram"):
                clear = at + CLEAR
                self.tags.clear()
            self.cycles.append(at - begins)
            begins = at
        self.words.ended = True
        while self.idle < 0 or self.port.bus.reads:
            yield
        self.cycles[-1] += max(at + 1, self.idle, self.port.bus.delivered) - at

    def _flush(self, at: int) -> Process:
        self.idle = yield from self.writer.flush(at)

    def _layer(self, number: int, at: int) -> Taking:
        """Run a layer whose blocks begin to be read at cycle `at`; return the cycle of the next step."""
        layer = self.program.layers[number]
        path = PATHS[layer.fields["path"]]
        for parts in segments(layer, self.spec, self.memory):
            if path == "depthwise":
                at = (yield from self._tables(parts[0].planes, at + 2)) + 2
            some = max(3, WALKED // max(len(parts[0].read_at) + len(parts[0].write_at), 1))
            run = Run(
                self.port, self.writer, self.tags, path, parts[:some], at, tree_levels(self.spec)
            )
            self._begin(*run.processes())
            if path == "dense":
                self._begin(run.load(self.words, layer, self.spec, at + 1))
            while run.working:
                yield
            at = (
                run.end()
                + run.each() * (len(parts) - some if len(parts) > some else 0)
                - (path == "depthwise")
            )
        return at + (path == "depthwise")

    def _tables(self, planes: int, at: int) -> Taking:
        """Read the tables of a pass; return the cycle of the last row."""
        for _ in range(planes):
            at = (yield from self.words.take(2 * self.spec.lanes, at)) + 4
            bits = self.spec.weight_bits * self.spec.lanes
            at = (yield from rows_of(self.words, TAPS, bits, at, 0)) + 1
        return at - 1


def program_cycles(program: Program, timing: Timing = DRAM) -> list[int]:
    """Return the cycles of each layer of a picture; the first and last layer include the start and end of a run.

    Memory is as after a reset when a run begins.
    """
    runs = [stage for stage in stages(program.network) if isinstance(stage, tuple)]
    return [cycles for run in runs for cycles in Engine(program, timing).run(*run)]
