"""Constants along time: equal in every frame, a count, a periodic pattern, or computed from these."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.base.json_values import JsonObject
from edgekit.export.passes.origins import Origin
from edgekit.export.stream.hopgraph import HopGraph
from edgekit.export.stream.recording_end import NO_END, RecordingEnd, first_frame_beyond
from edgekit.export.stream.time_patterns import (
    Pattern,
    TimeConstant,
    emit_end,
    emit_pattern,
    hops_of_start,
    pattern_of,
    step_of,
    uneven_start,
)
from edgekit.graph.facts import FACTS, names
from edgekit.graph.nodes import array_of

# an operand of a constant's node at the two lengths, by name and content; None where it is left out
Table = tuple[str, Array]
Operands = tuple[Table | None, Table | None]
MOST_SKIPPED = 64  # rows of a table before the first one that is used
MOST_START = 64  # hops until a pattern has set in
# layers of matrices: each row of the result is a product of its row of the first operand
PRODUCTS = names(lambda row: row.weights and row.degree == 1 and not row.slides)


@dataclass
class Emitter:
    """Emits the frames of a constant along time in a hop, at a delay.

    Attributes:
        new: the graph of one hop.
        hop: samples of it.
        samples: the two lengths.
        least: the smallest hop, after which patterns repeat.
        origins: of the constants at the two lengths.
        made: emitted values, by the names of a constant, the delay, and the frames that are read.
        bends: whether constants may bend later, by their names.
        end: of recordings.
        notes: on what the end of recordings means for the network.
    """

    new: HopGraph
    hop: int
    samples: tuple[int, int]
    least: int
    origins: tuple[dict[str, Origin], dict[str, Origin]]
    made: dict[tuple[tuple[str, str], int, int | None], ir.Value | None] = field(
        default_factory=dict
    )
    bends: dict[tuple[str, str], bool] = field(default_factory=dict)
    end: RecordingEnd = NO_END
    notes: dict[str, None] = field(default_factory=dict)

    def emit(
        self,
        names: tuple[str, str],
        arrays: tuple[Array, Array],
        delay: int,
        read: int | None = None,
    ) -> ir.Value | None:
        """Return the frames of one hop; None if nothing is known of how they go on.

        Args:
            names: of the constant at the two lengths.
            arrays: its content at them.
            delay: in frames.
            read: frames below ``rate * samples + read`` are read; all where None.
        """
        key = names, delay, read
        if key not in self.made:
            self.made[key] = self._emit(names, arrays, delay, read)
        return self.made[key]

    def _emit(
        self, names: tuple[str, str], arrays: tuple[Array, Array], delay: int, read: int | None
    ) -> ir.Value | None:
        if arrays[0].shape == arrays[1].shape:
            same = np.array_equal(*arrays)
            return self.new.constant(arrays[0], names[0], arrays[0].dtype) if same else None
        along = self._along(names[0], arrays)
        frames = Fraction(0) if along is None else along.rate * self.hop
        if along is None or frames.denominator != 1:
            return None
        if self._may_bend(names):
            value = self._computed(names, along, int(frames), delay)
            if value is not None:
                return value
        if (step := step_of(along.long, along.axis)) is not None:
            return self._counted(along, step, int(frames), delay)
        if (start := uneven_start(along.long, along.axis)) is not None:
            return self._counted_later(along, start, int(frames), delay)
        value = self._returning(along, int(frames), delay, read)
        return self._computed(names, along, int(frames), delay) if value is None else value

    def _counted(self, along: TimeConstant, step: Array, frames: int, delay: int) -> ir.Value:
        """Return the frames of a hop of a constant that grows by `step` from frame to frame."""
        axis = along.axis
        start = np.take(along.long, [0], axis)
        if not step.any():
            return self.new.constant(np.repeat(start, frames, axis), along.name, start.dtype)
        shape = [1] * start.ndim
        shape[axis] = -1
        place = (np.arange(frames) - delay).reshape(shape)
        return self.new.counted(start, step, place, along.name, start.dtype)

    def _counted_later(
        self, along: TimeConstant, start: Array, frames: int, delay: int
    ) -> ir.Value:
        """Return the frames of a hop of a constant that is even, but for what `start` adds to its first frames."""
        axis, count = along.axis, along.long.shape[along.axis]
        rest = np.take(np.zeros_like(along.long), range(count - start.shape[axis]), axis)
        even = along.long - np.concatenate([start, rest], axis)
        step = np.take(even, [1], axis) - np.take(even, [0], axis)
        value = self._counted(replace(along, arrays=(even, even)), step, frames, delay)
        first = replace(along, name=f"{along.name}.first")
        pattern = Pattern(start, np.take(rest, [0], axis), np.take(rest, [], axis))
        added = emit_pattern(self.new, first, pattern, frames, delay)
        return self.new.exact(self.new.one(f"{along.name}.all", "Add", value, added))

    def _returning(
        self, along: TimeConstant, frames: int, delay: int, read: int | None
    ) -> ir.Value | None:
        """Return the frames of a hop of a pattern; None without one, or if its end is due before it is known."""
        period = along.rate * self.least
        axis = along.axis
        pattern = pattern_of(along.long, axis, int(period)) if period.denominator == 1 else None
        if pattern is None:
            return None
        ends = along.offset - pattern.end.shape[axis]
        first, last = hops_of_start(pattern.start.shape[axis], frames, delay)
        unread = pattern.end.shape[axis] == 0 or (read is not None and read <= ends)
        known = delay >= -ends  # the last sample arrives before the frames of the end are due
        if last - first > MOST_START or not (unread or known):
            return None
        value = emit_pattern(self.new, along, pattern, frames, delay)
        return value if unread else emit_end(self.new, value, along, pattern, delay)

    def _along(self, name: str, arrays: tuple[Array, Array]) -> TimeConstant | None:
        if arrays[0].ndim != arrays[1].ndim:
            return None
        grown = [
            n for n, (a, b) in enumerate(zip(*(x.shape for x in arrays), strict=True)) if a != b
        ]
        if len(grown) != 1:
            return None
        (axis,) = grown
        sizes = [array.shape[axis] for array in arrays]
        rate = Fraction(sizes[1] - sizes[0], self.samples[1] - self.samples[0])
        offset = sizes[0] - rate * self.samples[0]
        if rate <= 0 or offset.denominator != 1:
            return None
        return TimeConstant(name, arrays, axis, rate, int(offset))

    def _may_bend(self, names: tuple[str, str]) -> bool:
        """Whether a constant follows from a count that is compared with a limit, which later frames may reach."""
        if names not in self.bends:
            self.bends[names] = False
            self.bends[names] = self._follows_limit(names)
        return self.bends[names]

    def _follows_limit(self, names: tuple[str, str]) -> bool:
        made, twin = (table.get(name) for table, name in zip(self.origins, names, strict=True))
        if made is None or twin is None or made.op_type != twin.op_type:
            return False
        is_limit = _sets_limit(made.op_type)
        return any(
            (is_limit and _has_grown(one[1], other[1])) or self._may_bend((one[0], other[0]))
            # a Concat may join more parts at the greater length
            for one, other in zip(made.operands, twin.operands, strict=False)
            if one is not None and other is not None
        )

    def _computed(
        self, names: tuple[str, str], along: TimeConstant, frames: int, delay: int
    ) -> ir.Value | None:
        """Return the same computation over the frames of a hop."""
        made, twin = (table.get(name) for table, name in zip(self.origins, names, strict=True))
        if made is None or twin is None or made.op_type != twin.op_type:
            return None
        operands = list(zip(made.operands, twin.operands, strict=True))
        if _is_whole(made.op_type, along, operands[0]):
            return self._operand(operands[0], delay)
        if made.op_type == "Slice" and (table := _table_of(along, operands[0])) is not None:
            return self._looked_up(along, *table, frames, delay)
        form = _form(made, along.axis)
        if form == "shaped":
            return self._shape(made.op_type, along, self._operand(operands[0], delay), frames)
        return None if form is None else self._repeated(made, along, operands, delay)

    def _looked_up(
        self, along: TimeConstant, table: Table, first: int, frames: int, delay: int
    ) -> ir.Value:
        """Return the rows of a hop of a table that goes on after those that the network read."""
        start, step = np.full(1, first, np.float32), np.ones(1, np.float32)
        place = np.arange(frames) - delay
        name, whole = f"{along.name}.row", np.dtype(np.int64)
        row = self.new.counted(start, step, place, name, whole)
        row = self._inside_table(row, table, along, delay, along.axis)
        rows = self.new.constant(table[1], f"{name}.table", table[1].dtype)
        return self.new.one(f"{name}.now", "Gather", rows, row, axis=along.axis)

    def _inside_table(
        self, index: ir.Value, table: Table, along: TimeConstant, delay: int, axis: int
    ) -> ir.Value:
        """Return indices of a table along an axis; from its end on that of the last row.

        Raises:
            Refused: the end comes before the declared end of recordings.
        """
        rows, count = table[1].shape[axis], int(along.rate * self.hop)
        frame = first_frame_beyond(self.new, index, along.axis - axis, rows, count)
        if frame is not None:
            samples = (frame - delay - along.offset) // along.rate
            self.notes[self.end.table_note(table[0], rows, samples)] = None
        last = self.new.constant(rows - 1, f"{along.name}.last", np.int64)
        return self.new.exact(self.new.one(f"{along.name}.index", "Min", index, last))

    def _shape(
        self, op_type: str, along: TimeConstant, operand: ir.Value | None, frames: int
    ) -> ir.Value | None:
        if operand is None:
            return None
        name, shape = f"{along.name}.along", list(along.long.shape)
        shape[along.axis] = frames
        target = self.new.constant(shape, f"{name}.shape", np.int64)
        return self.new.one(name, "Expand" if op_type == "Expand" else "Reshape", operand, target)

    def _repeated(
        self, made: Origin, along: TimeConstant, operands: Sequence[Operands], delay: int
    ) -> ir.Value | None:
        inputs: list[ir.Value | None] = []
        for both in operands:
            found = self._operand(both, delay)
            if found is None and None not in both:
                return None
            inputs.append(found)
        if made.op_type == "Gather" and inputs[1] is not None:
            table = operands[0][1]
            if table is not None and array_of(inputs[1]) is None:
                inputs[1] = self._inside_table(inputs[1], table, along, delay, _axis_of(made))
        attributes: JsonObject = {a.name: a.value for a in made.attributes}
        return self.new.one(f"{along.name}.along", made.op_type, *inputs, **attributes)

    def _operand(self, both: Operands, delay: int) -> ir.Value | None:
        """Return the frames of a hop of an operand; None if it is left out, or unknown."""
        one, other = both
        if one is None or other is None:
            return None
        return self.emit((one[0], other[0]), (one[1], other[1]), delay)


def _sets_limit(op_type: str) -> bool:
    """Whether an operator compares its operands, or keeps one in the range of another."""
    row = FACTS.get(op_type)
    return row is not None and (row.compares or row.limits)


def _has_grown(short: Array, long: Array) -> bool:
    """Whether a count goes on from the shorter to the longer one."""
    if long.size <= short.size or short.dtype.kind not in "iuf":
        return False
    return bool(long.max() > short.max() or long.min() < short.min())


def _axis_of(made: Origin) -> int:
    """Return the attribute ``axis`` of a Gather."""
    return next((int(one.value) for one in made.attributes if one.name == "axis"), 0)


def _table_of(along: TimeConstant, operands: Operands) -> tuple[Table, int] | None:
    """Return the table of which a constant is the first rows at both lengths, and its first row; None without one."""
    one, other = operands
    if one is None or other is None or not np.array_equal(one[1], other[1], equal_nan=True):
        return None
    table, axis = other[1], along.axis
    if table.ndim != along.long.ndim or table.shape[axis] < along.long.shape[axis]:
        return None
    for first in range(min(table.shape[axis] - along.long.shape[axis], MOST_SKIPPED) + 1):
        rows = (
            np.take(table, range(first, first + array.shape[axis]), axis) for array in along.arrays
        )
        if all(map(np.array_equal, rows, along.arrays)):
            return other, first
    return None


def _is_whole(op_type: str, along: TimeConstant, first: Operands) -> bool:
    """Whether nothing is cut from a first operand: both are one at both lengths, in numbers and type.

    Arithmetic that changes nothing at both lengths may change later frames, as a Min does.
    """
    row = FACTS.get(op_type)
    return (row is None or not row.elementwise) and all(
        operand is not None
        and operand[1].dtype == array.dtype
        and np.array_equal(operand[1], array)
        for array, operand in zip(along.arrays, first, strict=True)
    )


def _form(made: Origin, axis: int) -> str | None:
    """Return how a node computes the frames of a hop: as it is, by the shape of its output, or not at all."""
    kind, row = made.op_type, FACTS.get(made.op_type)
    if kind in PRODUCTS or (kind == "Einsum" and _keeps_time(made, axis)):
        return "as it is"
    if row is None or not (row.elementwise or row.moves):
        return None
    is_shaped = kind == "Expand" or (row.moves == "renames" and not row.elementwise)
    return "shaped" if is_shaped else "as it is"


def _keeps_time(made: Origin, axis: int) -> bool:
    """Whether an Einsum has one letter for time, in the output and in the one operand that has time, and no dots."""
    (equation,) = [attribute.as_string() for attribute in made.attributes]
    left, _, output = "".join(equation.split()).partition("->")
    return "." not in equation and axis < len(output) and left.count(output[axis]) == 1
