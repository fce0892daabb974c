"""Constants along time: equal in every frame, a count, a periodic pattern, or computed from these."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.base.json_values import JsonObject
from edgekit.export.passes.origins import Origin
from edgekit.export.stream.hopgraph import HopGraph
from edgekit.graph.facts import FACTS, names
from edgekit.graph.nodes import array_of

# an operand of a constant's node at the two lengths, by name and content; None where it is left out
Operands = tuple[tuple[str, Array] | None, tuple[str, Array] | None]
TOLERANCE = 1e-6  # of the peak: the sums of an envelope round otherwise from frame to frame
MOST_SKIPPED = 64  # rows of a table before the first one that is used
MOST_START = 64  # hops until a pattern has set in
# layers of matrices: each row of the result is a product of its row of the first operand
PRODUCTS = names(lambda row: row.weights and row.degree == 1 and not row.slides)


@dataclass(frozen=True)
class TimeConstant:
    """A constant at two lengths, and its time axis.

    Attributes:
        name: of the constant.
        arrays: its content at the shorter and at the longer length.
        axis: of time.
        rate: frames for a sample.
        offset: frames in addition to ``rate * samples``.
    """

    name: str
    arrays: tuple[Array, Array]
    axis: int
    rate: Fraction
    offset: int

    @property
    def long(self) -> Array:
        """The content at the longer length."""
        return self.arrays[1]


@dataclass(frozen=True)
class Pattern:
    """Periodic frames: first `start`, then `period` repeatedly, then `end`."""

    start: Array
    period: Array
    end: Array


def step_of(array: Array, axis: int) -> Array | None:
    """Return the constant step from frame to frame; None if it is not the same everywhere."""
    start, step = np.take(array, [0], axis), np.zeros(1, array.dtype)
    if array.dtype.kind in "iuf" and array.shape[axis] > 1:
        step = np.take(array, [1], axis) - start
    shape = [1] * array.ndim
    shape[axis] = -1
    grown = start + step * np.arange(array.shape[axis]).reshape(shape)
    return step if np.array_equal(grown, array) else None


def pattern_of(array: Array, axis: int, period: int) -> Pattern | None:
    """Return the pattern that repeats after `period` frames, at least twice; None if none does."""
    frames = np.moveaxis(array, axis, 0)
    count = len(frames)
    if count < 3 * period or array.dtype.kind not in "fiub":
        return None
    before, after = frames[:-period], frames[period:]
    if array.dtype.kind == "f":
        finite = np.abs(frames[np.isfinite(frames)])
        atol = TOLERANCE * float(finite.max(initial=0))
        same = np.asarray(np.isclose(before, after, rtol=0, atol=atol))
    else:
        same = np.asarray(before == after)
    equal = np.asarray(same.reshape(len(same), -1).all(1))
    middle = count // 2 - period
    if not equal[middle : middle + period].all():
        return None
    starts, ends = np.flatnonzero(~equal[:middle]), np.flatnonzero(~equal[middle:])
    first = int(starts[-1]) + 1 if len(starts) else 0
    last = middle + int(ends[0]) + period if len(ends) else count
    middle_frames = np.moveaxis(
        frames[first + period * ((last - first) // (2 * period)) :][:period], 0, axis
    )
    order = (np.arange(period) - first) % period  # so that frame n is period[n % period]
    return Pattern(
        np.moveaxis(frames[:first], 0, axis),
        np.take(middle_frames, order, axis),
        np.moveaxis(frames[last:], 0, axis),
    )


def emit_pattern(
    new: HopGraph, along: TimeConstant, pattern: Pattern, frames: int, delay: int
) -> ir.Value:
    """Return the frames of a hop, except those at the end, which may have no reader.

    Until the period starts, the number of the hop selects them.
    """
    period, start = pattern.period.shape[along.axis], pattern.start.shape[along.axis]
    hops = max(0, ceil((start + delay) / frames)) if start else 0
    known = np.concatenate([pattern.start, pattern.period], along.axis)
    tables = []
    for hop in range(hops + 1):
        place = np.arange(frames) + hop * frames - delay
        places = start + place % period
        if hop < hops:
            places = np.where(place < start, np.maximum(place, 0), places)
        tables.append(np.take(known, places, along.axis))
    dtype = pattern.period.dtype
    if hops == 0:
        return new.constant(tables[0], along.name, dtype)
    most = new.constant([hops], f"{along.name}.most")
    hop_now = new.exact(new.one(f"{along.name}.hop", "Min", new.hops, most))
    index = new.one(f"{along.name}.index", "Cast", hop_now, to=ir.DataType.INT64)
    rows = new.one(
        f"{along.name}.row",
        "Gather",
        new.constant(np.stack(tables), along.name, dtype),
        index,
        axis=0,
    )
    shape = new.constant(tables[0].shape, f"{along.name}.shape", np.int64)
    return new.one(f"{along.name}.now", "Reshape", rows, shape)


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
        ends: notes on tables that end.
    """

    new: HopGraph
    hop: int
    samples: tuple[int, int]
    least: int
    origins: tuple[dict[str, Origin], dict[str, Origin]]
    made: dict[tuple[tuple[str, str], int, int | None], ir.Value | None] = field(
        default_factory=dict
    )
    ends: dict[str, None] = field(default_factory=dict)

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
        if (step := step_of(along.long, along.axis)) is not None:
            return self._counted(along, step, int(frames), delay)
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
        hops = (pattern.start.shape[axis] + delay) / frames
        unread = pattern.end.shape[axis] == 0 or (read is not None and read <= ends)
        known = delay >= -ends  # the last sample arrives before the frames of the end are due
        if hops > MOST_START or not (unread or known):
            return None
        value = emit_pattern(self.new, along, pattern, frames, delay)
        return value if unread else self._ended(value, along, pattern, frames, delay)

    def _ended(
        self, value: ir.Value, along: TimeConstant, pattern: Pattern, frames: int, delay: int
    ) -> ir.Value:
        """Return the frames of a hop; those at the end of the stream follow from the samples after the end."""
        new, axis, name = self.new, along.axis, f"{along.name}.end"
        count = pattern.end.shape[axis]
        place = np.arange(frames) - frames - along.offset - delay + count
        moved = new.exact(
            new.one(f"{name}.moved", "Mul", new.missing, new.constant(float(along.rate), name))
        )
        last = new.exact(
            new.one(f"{name}.place", "Add", moved, new.constant(place, f"{name}.frames"))
        )
        limit = new.constant(0, f"{name}.first"), new.constant(count - 1, f"{name}.last")
        index = new.one(f"{name}.index", "Clip", last, *limit)
        row = new.one(f"{name}.row", "Cast", new.exact(index), to=ir.DataType.INT64)
        table = new.constant(pattern.end, f"{name}.table", pattern.end.dtype)
        found = new.one(f"{name}.found", "Gather", table, row, axis=axis)
        shape = [1] * pattern.end.ndim
        shape[axis] = frames
        begun = new.exact(new.one(f"{name}.begun", "GreaterOrEqual", last, limit[0]))
        dims = new.constant(shape, f"{name}.shape", np.int64)
        here = new.one(f"{name}.here", "Reshape", begun, dims)
        return new.one(f"{name}.now", "Where", here, found, value)

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

    def _computed(
        self, names: tuple[str, str], along: TimeConstant, frames: int, delay: int
    ) -> ir.Value | None:
        """Return the same computation over the frames of a hop."""
        made, twin = (table.get(name) for table, name in zip(self.origins, names, strict=True))
        if made is None or twin is None or made.op_type != twin.op_type:
            return None
        operands = list(zip(made.operands, twin.operands, strict=True))
        if _is_whole(along, operands[0]):
            return self._operand(operands[0], delay)
        if made.op_type == "Slice" and (table := _table_of(along, operands[0])) is not None:
            return self._looked_up(along, *table, frames, delay)
        form = _form(made, along.axis)
        if form == "shaped":
            return self._shape(made.op_type, along, self._operand(operands[0], delay), frames)
        return None if form is None else self._repeated(made, along, operands, delay)

    def _looked_up(
        self, along: TimeConstant, table: Array, first: int, frames: int, delay: int
    ) -> ir.Value:
        """Return the rows of a hop of a table that goes on; after its end, where the source fails, the last one."""
        new, name = self.new, f"{along.name}.row"
        rows = table.shape[along.axis]
        self._note_end(rows, rows - first - along.offset, along)
        start, step = np.full(1, first, np.float32), np.ones(1, np.float32)
        place = np.arange(frames) - delay
        row = new.counted(start, step, place, name, np.dtype(np.float32))
        return self._rows_of(table, along.axis, row, along.name)

    def _clamp(
        self, index: ir.Value, operands: Sequence[Operands], along: TimeConstant, axis: int
    ) -> ir.Value:
        """Return an index that ends at the last row of the first operand, as a table of positions does."""
        table = operands[0][1]
        if table is None or array_of(index) is not None:
            return index
        rows = table[1].shape[axis]
        self._note_end(rows, rows - along.offset, along)
        last = self.new.constant(rows - 1, f"{along.name}.last", np.int64)
        return self.new.exact(self.new.one(f"{along.name}.index", "Min", index, last))

    def _note_end(self, rows: int, frames: int, along: TimeConstant) -> None:
        samples = int(frames / along.rate)
        note = f"positions come from a table of {rows} rows: after {samples} samples its last row is used"
        self.ends[note] = None

    def _rows_of(self, table: Array, axis: int, row: ir.Value, name: str) -> ir.Value:
        """Return rows of a table along an axis; from its end on the last one."""
        new = self.new
        last = new.constant(table.shape[axis] - 1, f"{name}.last")
        index = new.exact(new.one(f"{name}.index", "Min", row, last))
        whole = new.one(f"{name}.place", "Cast", index, to=ir.DataType.INT64)
        rows = new.constant(table, f"{name}.table", table.dtype)
        return new.one(f"{name}.now", "Gather", rows, whole, axis=axis)

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
            inputs[1] = self._clamp(inputs[1], operands, along, _axis_of(made))
        attributes: JsonObject = {a.name: a.value for a in made.attributes}
        return self.new.one(f"{along.name}.along", made.op_type, *inputs, **attributes)

    def _operand(self, both: Operands, delay: int) -> ir.Value | None:
        """Return the frames of a hop of an operand; None if it is left out, or unknown."""
        one, other = both
        if one is None or other is None:
            return None
        return self.emit((one[0], other[0]), (one[1], other[1]), delay)


def _axis_of(made: Origin) -> int:
    """Return the attribute ``axis`` of a Gather."""
    return next((int(one.value) for one in made.attributes if one.name == "axis"), 0)


def _table_of(along: TimeConstant, operands: Operands) -> tuple[Array, int] | None:
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
            return table, first
    return None


def _is_whole(along: TimeConstant, first: Operands) -> bool:
    """Whether nothing is cut from a first operand: both are one at both lengths, in numbers and type."""
    return all(
        operand is not None
        and operand[1].dtype == array.dtype
        and np.array_equal(operand[1], array)
        for array, operand in zip(along.arrays, first, strict=True)
    )  # a Cast of a mask has its numbers, and another type


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
