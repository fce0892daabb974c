"""Attention along time with a window: rings of the last keys and values.

A product of two streams has two time axes, queries by keys. If a constant band of a mask removes all keys outside a
window, a hop holds only its queries' rows and the window's columns. A mask by segments is such a band, too, that
returns after each segment; a hop then holds whole segments.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import lcm

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array, Booleans
from edgekit.export.passes.reshape import renames
from edgekit.export.stream.rewrite import Rewriter
from edgekit.export.stream.signs import partial, sign
from edgekit.export.stream.tensor_timing import TimeAxis
from edgekit.export.stream.track import Later, Segments, Square, StreamingRefused, Track, Unseen
from edgekit.graph.facts import facts_of
from edgekit.graph.nodes import array_of, attribute, static_shape

MASKED = -1e3  # added to a score that softmax then rounds to 0
FILL = -1e30  # the score of keys outside the stream
THROUGH = frozenset(("Add", "Cast", "Div", "Mul", "Neg", "Reshape", "Sub", "Transpose", "Where"))
BAND = "mask with a band: keep only lags from -ahead to window - 1"
UNBOUNDED = (
    "attention over all of time",
    "attention to a window of the last frames",
    f"{BAND}; --replace attention=window:N does it; --until SAMPLES lets causal attention reach back to the start of "
    "recordings of so many samples",
)


@dataclass(frozen=True)
class Lags:
    """Keys that queries attend to.

    Attributes:
        past: frames before the first query of a segment.
        ahead: frames after the last query of a segment.
        segment: frames after which the masks repeat; 1 if only the lag counts.
        fill: the score of keys outside the stream: one that softmax makes 0, or 0 without softmax.
    """

    past: int
    ahead: int
    segment: int
    fill: float


def scores(writer: Rewriter, node: ir.Node) -> None:
    """The product of queries (time in its rows) and keys (time in its columns)."""
    axes, output = writer.facts.axes[node.outputs[0]], node.outputs[0]
    given = [
        writer.settle(track, str(node.name))
        for track in (writer.stream(node.inputs[0]), _keys(writer, node))
    ]
    queries, keys = given
    _check_operands(queries, keys, axes, len(static_shape(output) or ()))
    lags, name = _window(writer, output), str(node.name)
    if queries.frames % lags.segment:
        raise Segments((Fraction(lags.segment) / queries.time.rate).numerator)
    late = lags.ahead > 0 or keys.time.offset % lags.segment != 0  # keys after the end count
    known = -keys.time.offset if late else keys.delay  # the delay at which the end is known
    floor = writer.floors.get(output, queries.delay)
    delay = max(queries.delay, max(keys.delay, known) + lags.ahead, floor)
    delay = -(-delay // lags.segment) * lags.segment
    queries = writer.delayed(queries, delay, name)
    keys = writer.delayed(keys, delay - lags.ahead, name)
    count = lags.past + lags.ahead
    ring = writer.context(keys, count, f"{name}.keys")
    (product,) = writer.new.copy(node, [queries.value, ring])
    product = writer.masked(keys, product, count, name, before=True, after=late, fill=lags.fill)
    shape = [*(static_shape(output) or ())[:-2], queries.frames, keys.frames + count]
    latest = max(given, key=lambda track: track.delay)
    cause = latest.cause if delay <= latest.delay else name
    writer.squares[output] = Square(
        product, output, output, axes, tuple(shape), delay, lags.past, lags.ahead, cause
    )


def _keys(writer: Rewriter, node: ir.Node) -> Track:
    """Return the stream of the keys; those of positions are constants along time."""
    value = node.inputs[1]
    time = writer.facts.time(value)
    if writer.track(value) is not None or value is None or time is None:
        return writer.stream(value)
    shape = writer.hop_shape(value)
    frames = writer.operand(value, time, len(shape), 0)
    assert frames is not None
    return Track(frames, value, time, shape, 0, zero_before=True)


def _check_operands(queries: Track, keys: Track, axes: Sequence[TimeAxis], rank: int) -> None:
    """Refuse products other than queries by keys of one rate; `axes` are the product's time axes of `rank`."""
    places = queries.axis - len(queries.shape), keys.axis - len(keys.shape)
    if (
        [axis.axis - rank for axis in axes] != [-2, -1]
        or places != (-2, -1)
        or queries.time.rate != keys.time.rate
    ):
        raise StreamingRefused("a product of time with time", "queries by keys of one rate", BAND)


def square(writer: Rewriter, node: ir.Node) -> None:
    """Rewrite any node after the scores, up to the product with the values."""
    if node.op_type == "MatMul":
        _values(writer, node)
    elif facts_of(node).elementwise:
        _pointwise(writer, node)
    elif node.op_type == "Softmax":
        source = writer.squares[_first_stream(writer, node)]
        if int(attribute(node, "axis", -1)) % len(source.shape) != source.cols.axis:
            raise StreamingRefused(
                "softmax over the queries", "softmax over the keys", "transpose the scores"
            )
        _set_result(writer, node, writer.new.copy(node, [source.value])[0], source)
    elif renames(node):
        _move_other_axes(writer, node)
    else:
        raise StreamingRefused(
            "it works on queries by keys", "softmax and elementwise operators", BAND
        )


def _first_stream(writer: Rewriter, node: ir.Node) -> ir.Value:
    return next(value for value in node.inputs if value is not None and value in writer.squares)


def _set_result(writer: Rewriter, node: ir.Node, result: ir.Value, source: Square) -> None:
    axes = writer.facts.axes.get(node.outputs[0], ())
    if len(axes) != 2:
        raise StreamingRefused("it joins queries and keys", "both as axes", BAND)
    shape = list(static_shape(node.outputs[0]) or ())
    shape[axes[0].axis], shape[axes[1].axis] = (
        source.shape[source.rows.axis],
        source.shape[source.cols.axis],
    )
    made = replace(source, value=result, offline=node.outputs[0], axes=axes, shape=tuple(shape))
    writer.squares[node.outputs[0]] = made


def _pointwise(writer: Rewriter, node: ir.Node) -> None:
    source = writer.squares[_first_stream(writer, node)]
    inputs: list[ir.Value | None] = []
    for value in node.inputs:
        other = None if value is None else writer.squares.get(value)
        if other is not None:
            if (other.past, other.ahead, other.delay) != (source.past, source.ahead, source.delay):
                raise StreamingRefused(
                    "it joins attention of different windows", "one window", "split it"
                )
            inputs.append(other.value)
        elif writer.track(value) is not None:
            raise StreamingRefused(
                "a mask that follows from the input", "a constant mask", "use a constant band"
            )
        else:
            inputs.append(_constant(writer, value, source))
    _set_result(writer, node, writer.new.copy(node, inputs)[0], source)


def _constant(writer: Rewriter, value: ir.Value | None, source: Square) -> ir.Value | None:
    """Return a constant over queries and keys, cut to one hop."""
    if value is None or len(writer.facts.axes.get(value, ())) != 2:
        return writer.fixed(value)
    array, segment = _band(writer, value)
    rows, columns = source.shape[source.rows.axis], source.shape[source.cols.axis]
    queries, keys = np.arange(rows)[:, None], np.arange(columns) - source.past
    last = array.shape[-1] - segment
    lags = np.clip(queries - keys, -last, last)
    earlier = np.where(lags >= 0, keys, queries) % segment  # of both, in the first segment
    part = array[..., earlier + np.maximum(lags, 0), earlier + np.maximum(-lags, 0)]
    return writer.new.constant(part, str(value.name), array.dtype)


def _band(writer: Rewriter, value: ir.Value) -> tuple[Array, int]:
    """Return a constant over queries by keys at the longer length, and the period of its frames."""
    array, axes = array_of(writer.facts.twins[value]), writer.facts.axes[value]
    if array is None or [axis.axis - array.ndim for axis in axes] != [-2, -1]:
        raise StreamingRefused(*UNBOUNDED)
    for segment in range(1, array.shape[-1] // 2):
        if np.array_equal(array[..., segment:, segment:], array[..., :-segment, :-segment]):
            return array, segment
    raise StreamingRefused("a mask that follows from absolute time", *UNBOUNDED[1:])


def _window(writer: Rewriter, output: ir.Value) -> Lags:
    """Return the keys that the masks between the scores and the softmax keep."""
    readers = list(_readers_of_scores(output))
    normal = any(node.op_type == "Softmax" for node, _ in readers)
    seen: Booleans | None = None
    segment = 1
    for node, value in readers:
        for other in node.inputs if node.op_type in THROUGH else ():
            if other is None or array_of(other) is None:
                continue
            found = _keys_in_mask(writer, node, value, other, normal)
            if len(writer.facts.axes.get(other, ())) == 2:
                segment = lcm(segment, _band(writer, other)[1])
            if found is not None:
                seen = found if seen is None else seen & found
    return _lags(seen, segment, FILL if normal else 0.0, _frames_of_recording(writer, output))


def _readers_of_scores(output: ir.Value) -> Iterator[tuple[ir.Node, ir.Value]]:
    """Yield nodes after scores, each with its operand, up to those that do more than mask, scale or rearrange.

    After a softmax scores are weights of values; retention uses them unchanged.
    """
    waiting, done = [output], set[ir.Value]()
    while waiting:
        value = waiting.pop()
        done.add(value)
        for node in value.consumers():
            yield node, value
            if node.op_type in THROUGH:
                waiting += [made for made in node.outputs if made not in done]


def _frames_of_recording(writer: Rewriter, output: ir.Value) -> int | None:
    """Return the frames of the longest recording, if attention reaches back to its start; else None."""
    if writer.along.end.samples is None or not writer.reaches_back:
        return None
    end = max(writer.along.end.samples, writer.facts.samples[1])
    note = f"attention reaches back to the start of recordings of up to {end} samples"
    writer.along.notes[note] = None
    return writer.facts.axes[output][-1].length(end)


def _lags(seen: Booleans | None, segment: int, fill: float, frames: int | None = None) -> Lags:
    """Return the lags of the keys in `seen`, (queries, keys), by segments of frames.

    A recording has so many frames at most, if that is declared.

    Raises:
        Unseen: a query attends to all keys up to the end of the length that was read.
    """
    if seen is None or not seen.any():
        raise StreamingRefused(*UNBOUNDED)
    queries, keys = np.nonzero(seen)
    starts = queries // segment * segment
    past, ahead = int((starts - keys).max()), int((keys - starts).max()) - segment + 1
    if max(past, ahead) + segment >= len(seen) - 1:
        if frames is None or ahead + segment >= len(seen) - 1:
            raise Unseen(*UNBOUNDED)
        past = max(past, frames - 1)  # back to the start
    return Lags(max(past, 0), max(ahead, 0), segment, fill)


def _keys_in_mask(
    writer: Rewriter, node: ir.Node, scored: ir.Value, other: ir.Value, normal: bool
) -> Booleans | None:
    """Return the keys that a mask keeps, (queries, keys); None for other constants."""
    if len(writer.facts.axes.get(other, ())) != 2:
        return None
    array = _band(writer, other)[0]
    flat = array.reshape(-1, *array.shape[-2:])  # (heads, queries, keys)
    left, affine = None, facts_of(node).affine
    if affine == "multiplies" and not normal:  # without a softmax, a factor of 0 hides a key
        left = flat != 0
    elif affine == "adds" and normal:
        left = flat > MASKED
    elif node.op_type == "Where" and other is node.inputs[0]:
        scores_first = node.inputs[1] is scored
        fill = array_of(node.inputs[2 if scores_first else 1])
        if _hides(fill, normal):
            left = flat if scores_first else ~flat
    return None if left is None else np.asarray(left.any(axis=0))


def _hides(fill: Array | None, normal: bool) -> bool:
    """Whether a key whose score is `fill` counts nothing."""
    if fill is None or fill.size != 1:
        return False
    number = float(fill.ravel()[0])
    return number <= MASKED if normal else number == 0


def _move_other_axes(writer: Rewriter, node: ir.Node) -> None:
    """Rewrite a move of other axes; queries stay before keys."""
    source = writer.squares[_first_stream(writer, node)]
    axes = writer.facts.axes.get(node.outputs[0], ())
    stay = _stay_in_place if node.op_type == "Transpose" else _stay_between
    if len(axes) != 2 or not stay(node, axes, source):
        raise StreamingRefused("it joins queries and keys", "both as axes", BAND)
    if node.op_type == "Transpose":
        (result,) = writer.new.copy(node, [source.value])
    else:
        target = list(static_shape(node.outputs[0]) or ())
        for new, old in zip(axes, source.axes, strict=True):
            target[new.axis] = source.shape[old.axis]
        dims = writer.new.constant(target, f"{node.name}.shape", np.int64)
        result = writer.new.one(str(node.name), "Reshape", source.value, dims)
    _set_result(writer, node, result, source)


def _stay_in_place(node: ir.Node, axes: Sequence[TimeAxis], source: Square) -> bool:
    """Whether a Transpose moves queries and keys to their axes in the output."""
    perm = [int(axis) for axis in attribute(node, "perm", ())]
    return [perm[axis.axis] for axis in axes] == [axis.axis for axis in source.axes]


def _stay_between(node: ir.Node, axes: Sequence[TimeAxis], source: Square) -> bool:
    """Whether a Reshape keeps the number of elements before queries and before keys."""
    shape, before = static_shape(node.outputs[0]) or (), static_shape(source.offline) or ()
    return all(
        np.prod(shape[: new.axis]) == np.prod(before[: old.axis])
        for new, old in zip(axes, source.axes, strict=True)
    )


def _values(writer: Rewriter, node: ir.Node) -> None:
    """The product of weights (queries by keys) and values, whose rows are keys."""
    source, values = writer.squares.get(node.inputs[0]), writer.track(node.inputs[1])  # type: ignore[arg-type]
    name = str(node.name)
    if (
        source is None
        or values is None
        or values.axis - len(values.shape) != -2
        or source.cols.axis != len(source.shape) - 1
    ):
        raise StreamingRefused("a product of weights over time", "weights by values", BAND)
    if _may_be_infinite(values.offline):  # a weight of 0 would make NaN of it
        values = writer.zeroed(values, name, before=False, after=True)
    if values.delay + source.ahead > source.delay:
        raise Later(source.scores, values.delay + source.ahead)
    values = writer.delayed(values, source.delay - source.ahead, name)
    ring = writer.context(values, source.past + source.ahead, f"{name}.values")
    (result,) = writer.new.copy(node, [source.value, ring])
    track = replace(values, cause=source.cause, delay=source.delay)
    writer.set(node.outputs[0], result, source.delay, track, node=node)


def _may_be_infinite(value: ir.Value) -> bool:
    """Whether frames after the end may be infinite: a maximum of nothing, a logarithm or a division of zeros."""
    waiting, done = [value], set[ir.Value]()
    while waiting:
        made = waiting.pop()
        node = made.producer()
        if node is None or made in done:
            continue
        done.add(made)
        operand = partial(node)
        if node.op_type == "MaxPool" or (operand is not None and sign(operand) <= 0):
            return True
        waiting += [operand for operand in node.inputs if operand is not None]
    return False
