"""Constants along time that repeat: their pattern, and its frames in the graph of one hop."""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.export.stream.hopgraph import HopGraph

TOLERANCE = 1e-6  # of the peak: the sums of an envelope round otherwise from frame to frame


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


def uneven_start(array: Array, axis: int) -> Array | None:
    """Return what the first frames of whole numbers have beyond a constant step; None without such a step later on.

    The step holds in at least two thirds of the frames.
    """
    frames = np.moveaxis(array, axis, 0)
    if array.dtype.kind != "i" or len(frames) < 6:
        return None
    steps = np.diff(frames, axis=0)
    differs = np.flatnonzero((steps != steps[-1]).reshape(len(steps), -1).any(1))
    count = int(differs[-1]) + 1 if len(differs) else 0
    if not 0 < 3 * count <= len(frames):
        return None
    even = frames[count] - steps[-1] * np.arange(count, 0, -1).reshape(-1, *[1] * (frames.ndim - 1))
    start: Array = frames[:count] - even
    return np.moveaxis(start, 0, axis)


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


def hops_of_start(start: int, frames: int, delay: int, again: int = 0) -> tuple[int, int]:
    """Return the first hop that holds a frame of a start, and the first in which only the period is left.

    Args:
        start: frames of the start.
        frames: of a hop.
        delay: of the frames.
        again: frames before those of a hop that it holds again.
    """
    last = ceil((start + delay + again) / frames)
    return (max(0, delay // frames), max(0, last)) if start else (0, 0)


def emit_pattern(
    new: HopGraph, along: TimeConstant, pattern: Pattern, frames: int, delay: int, again: int = 0
) -> ir.Value:
    """Return the frames of a hop, except those at the end, which may have no reader.

    Until the period starts, the number of the hop selects them. The hop holds so many frames before its own `again`.
    """
    period, start = pattern.period.shape[along.axis], pattern.start.shape[along.axis]
    first, hops = hops_of_start(start, frames, delay, again)
    known = np.concatenate([pattern.start, pattern.period], along.axis)
    tables = []
    for hop in range(first, hops + 1):
        place = np.arange(-again, frames) + hop * frames - delay
        places = start + place % period
        if hop < hops:
            places = np.where(place < start, np.maximum(place, 0), places)
        tables.append(np.take(known, places, along.axis))
    dtype = pattern.period.dtype
    if hops == 0:
        return new.constant(tables[0], along.name, dtype)
    most = new.constant([hops], f"{along.name}.most")
    hop_now = new.exact(new.one(f"{along.name}.hop", "Min", new.hops, most))
    if first:
        least = new.constant([first], f"{along.name}.least")
        later = new.exact(new.one(f"{along.name}.later", "Sub", hop_now, least))
        none = new.constant([0], f"{along.name}.none")
        hop_now = new.exact(new.one(f"{along.name}.place", "Max", later, none))
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


def emit_end(
    new: HopGraph, value: ir.Value, along: TimeConstant, pattern: Pattern, delay: int
) -> ir.Value:
    """Return the frames of a hop; those at the end of the stream follow from the samples after the end.

    Args:
        new: the graph of one hop.
        value: the frames of the hop, as if the pattern went on.
        along: the constant.
        pattern: its frames.
        delay: in frames.
    """
    axis, name, frames = along.axis, f"{along.name}.end", int(along.rate * new.hop)
    count = pattern.end.shape[axis]
    place = np.arange(frames) - frames - along.offset - delay + count
    moved = new.exact(
        new.one(f"{name}.moved", "Mul", new.missing, new.constant(float(along.rate), name))
    )
    last = new.exact(new.one(f"{name}.place", "Add", moved, new.constant(place, f"{name}.frames")))
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
    if pattern.end.dtype != bool:
        return new.one(f"{name}.now", "Where", here, found, value)
    rest = new.one(f"{name}.rest", "And", new.one(f"{name}.before", "Not", here), value)
    return new.one(f"{name}.now", "Or", new.one(f"{name}.last", "And", here, found), rest)
