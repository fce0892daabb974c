"""Operators that move frames and axes without computing."""

from fractions import Fraction
from math import prod

import numpy as np
import onnx_ir as ir

from edgekit.export.stream.known_start import with_known_start
from edgekit.export.stream.late import KNOWN
from edgekit.export.stream.mirror import drop_padding
from edgekit.export.stream.rewrite import Rewriter
from edgekit.export.stream.rules.elementwise import axis_of, broadcast, framewise, record_outputs
from edgekit.export.stream.rules.rule import Growth, StreamingRule, needs_same_frames
from edgekit.export.stream.tensor_timing import TimeAxis
from edgekit.export.stream.track import Span, StreamingRefused, Track
from edgekit.export.stream.values import INSIDE
from edgekit.export.stream.windows import ENDLESS, Cut, fill_of, pads_of, slice_of
from edgekit.graph.facts import facts_of
from edgekit.graph.nodes import array_of, attribute, static_shape

MIRRORED = ("edge", "reflect")


def reshape(writer: Rewriter, node: ir.Node) -> None:
    """Reshape: time may merge with or split off the axes after it, and rows the axes before it.

    With `inner` elements after the time axis, frame j of one side begins at element ``j * inner``.
    """
    track, output = writer.track(node.inputs[0]), node.outputs[0]
    made = writer.facts.time(output)
    if made is None or track is None:
        writer.set(output, output, 0)  # refuses
        return
    shape = writer.hop_shape(output)
    streams = int(np.prod(track.shape[: track.axis])) * track.outer
    outer, rest = divmod(streams, int(np.prod(shape[: made.axis])))
    if rest or not outer or shape[made.axis] % outer:
        raise StreamingRefused(*INSIDE)
    before, behind = (
        int(np.prod(s[a + 1 :])) for s, a in ((track.shape, track.axis), (shape, made.axis))
    )
    if before != behind or outer > 1:
        track = writer.settle(track, str(node.name))
    delay = -(-track.delay * before // behind)
    while delay * behind % before:
        delay += 1
    track = writer.delayed(track, delay * behind // before, str(node.name))
    shape = (*shape[: made.axis], shape[made.axis] + track.again, *shape[made.axis + 1 :])
    target = writer.new.constant(shape, f"{node.name}.shape", np.int64)
    result = writer.new.one(str(node.name), "Reshape", track.value, target)
    zeros = {"before": track.zero_before, "after": track.zero_after}
    writer.set(output, result, delay, track, node=node, outer=outer, late=track.late, **zeros)


def expand(writer: Rewriter, node: ir.Node) -> None:
    """Expand other axes than time."""
    track, output = writer.stream(node.inputs[0]), node.outputs[0]
    shape = writer.hop_shape(output)
    target = writer.new.constant(shape, f"{node.name}.shape", np.int64)
    result = writer.new.one(str(node.name), "Expand", track.value, target)
    before, after = track.zero_before, track.zero_after
    writer.set(output, result, track.delay, track, node=node, before=before, after=after)


def pad(writer: Rewriter, node: ir.Node) -> None:
    """Rewrite a Pad: constants before the first frame only shift the frame numbers, so the delay shrinks.

    Frames that repeat others do the same: their readers take them from there, see `Mirror`.
    """
    track, output = writer.stream(node.inputs[0]), node.outputs[0]
    left, right = pads_of(node, track.axis)
    mode, value = attribute(node, "mode", "constant"), fill_of(node)
    if (left or right) and mode != "constant":
        _check_mirror(mode, left, right)
        _repeat_frames(writer, node, mode, left, right)
        return
    read = right > 0 and writer.frames_read(output).end - left > track.time.offset
    track = writer.zeroed(track, str(node.name), before=left > 0, after=read, fill=value)
    result = _padded_elsewhere(writer, node, track)
    pads = _other_pads(node, len(track.shape), track.axis)
    still = not any(pads) or mode != "constant" or value == 0
    zeros = {
        "before": still and left >= 0 and track.zero_before,
        "after": still and right >= 0 and track.zero_after,
    }
    late = (KNOWN,) * left + track.late[max(0, -left) :]
    writer.set(output, result, track.delay - left, track, node=node, late=late, **zeros)
    if left > 0:
        writer.zero_start(node, value)


def _repeat_frames(writer: Rewriter, node: ir.Node, mode: str, left: int, right: int) -> None:
    """Pad with frames of the stream; the first ones may be known, and then nobody waits for them."""
    track, output, known = writer.stream(node.inputs[0]), node.outputs[0], None
    padded = _padded_elsewhere(writer, node, track)
    if (made := writer.facts.time(output)) and left and not track.again:
        known = writer.known.frames(output, made, left)
    if known is None:
        writer.set_mirrored(node, padded, mode, left, right)
        return
    padded = with_known_start(writer, node, padded, known)
    writer.set(output, padded, track.delay - left, track, node=node)
    if right:
        writer.tracks[output] = drop_padding(writer.tracks[output], mode, 0, right)


def _check_mirror(mode: str, left: int, right: int) -> None:
    if mode not in MIRRORED or min(left, right) < 0:
        raise StreamingRefused(
            f"{mode} padding of ({left}, {right}) frames in time",
            "zeros, reflect or replicate padding in time",
            "pad with zeros: F.pad(x, (left, right)); --replace pad=zeros or pad=first does it",
        )


def _padded_elsewhere(writer: Rewriter, node: ir.Node, track: Track) -> ir.Value:
    """Return the result of a Pad on all axes but time."""
    pads = _other_pads(node, len(track.shape), track.axis)
    if not any(pads):
        return track.value
    mode = attribute(node, "mode", "constant")
    amounts = writer.new.constant(pads, f"{node.name}.pads", np.int64)
    fill = writer.fixed(node.inputs[2]) if len(node.inputs) > 2 else None
    return writer.new.one(str(node.name), "Pad", track.value, amounts, fill, mode=mode)


def _other_pads(node: ir.Node, rank: int, axis: int) -> list[int]:
    both = [pads_of(node, other) if other != axis else (0, 0) for other in range(rank)]
    return [begin for begin, _ in both] + [end for _, end in both]


def slice_(writer: Rewriter, node: ir.Node) -> None:
    """Frames cut off at the start raise the delay; a step is a stride."""
    track, output = writer.stream(node.inputs[0]), node.outputs[0]
    if writer.facts.time(output) is None:
        _refuse_rolled(node, track)
        writer.set(output, output, 0)  # refuses
        return
    frames = (static_shape(node.inputs[0]) or ())[track.axis]
    cut = _cut_of_time(writer, node, track, frames)
    value, delay = writer.window(node, 0, cut.step, -cut.start, None)
    if cut.step > 1:
        name = f"{node.name}.step"
        bounds = [[0], [np.iinfo(np.int64).max], [track.axis], [cut.step]]
        constants = (writer.new.constant(bound, name, np.int64) for bound in bounds)
        value = writer.new.one(name, "Slice", value, *constants)
    before, after = cut.start == 0 and track.zero_before, cut.end == frames and track.zero_after
    value = _cut_others(writer, node, value, track.axis)
    writer.set(output, value, delay, track, node=node, before=before, after=after)


def _cut_of_time(writer: Rewriter, node: ir.Node, track: Track, frames: int) -> Cut:
    """Return the part of `frames` that a Slice takes, if a stream can follow it."""
    cut = slice_of(node, track.axis, frames)
    if cut is None or (cut.start > cut.end and cut.step > 0):
        raise StreamingRefused(
            "its bounds are not constants", "constant bounds", "cut after the network"
        )
    if cut.step < 0:
        raise StreamingRefused(*_reversal(node))
    if _moves(writer, node, track, cut.start):
        raise StreamingRefused(
            "its start in time follows the length of the input", "a constant start", "cut elsewhere"
        )
    return cut


def _refuse_rolled(node: ir.Node, track: Track) -> None:
    """Refuse the last frames of a recording that are put in front of its first, as torch.roll does."""
    cut = slice_of(node, track.axis, ENDLESS)
    joined = [
        reader
        for reader in node.outputs[0].consumers()
        if reader.op_type == "Concat" and reader.inputs[0] is node.outputs[0]
    ]
    if cut is None or cut.start < ENDLESS // 2 or not joined:
        return
    count = ENDLESS - cut.start
    raise StreamingRefused(
        f"it brings the last {count} of all frames to the start, as torch.roll along time does",
        "a shift whose first frames follow from a constant or are not read",
        f"shift by padding: F.pad(x, ({count}, 0))[..., :-{count}]",
    )


def _reversal(node: ir.Node) -> tuple[str, str, str]:
    cells = [reader for reader in node.outputs[0].consumers() if facts_of(reader).cell]
    if not cells:
        step = "leave the reversal out, or run this part on a window of frames"
        return "it reverses time", "frames in their order", step
    (cell, *_) = cells
    found = (
        f"it reverses time for {cell.op_type} '{cell.name}', a recurrence that starts at the end"
    )
    return (
        found,
        "a recurrence along time from its start",
        "train the layer with bidirectional=False; over frequency both directions are fine",
    )


def refuse_gather_nd(writer: Rewriter, node: ir.Node) -> None:
    """Refuse frames by computed indices, as GatherND in torch's export of interpolation between frames."""
    step = "upsample with mode='nearest', or with a strided or transposed convolution"
    raise StreamingRefused("it picks frames at computed places", "frames in their order", step)


def gather_elements(writer: Rewriter, node: ir.Node) -> None:
    """GatherElements of other axes, by the indices of the same frame."""
    axis = int(attribute(node, "axis", 0))
    tracks = [track for value in node.inputs if (track := writer.track(value)) is not None]
    if any(track.axis == axis % len(track.shape) for track in tracks):
        refuse_gather_nd(writer, node)
    broadcast(writer, node)


def _moves(writer: Rewriter, node: ir.Node, track: Track, start: int) -> bool:
    """Whether the start is counted from the end of time, or follows the length.

    A start that counts from the end, as in ``x[..., -y.shape[-1]:]``, may be the same frame at both lengths.
    """
    twin = writer.facts.twins[node.outputs[0]].producer()
    frames = (static_shape(twin.inputs[0]) or ())[track.axis] if twin is not None else 0
    other = slice_of(twin, track.axis, frames) if twin is not None else None
    return other is None or other.start != start


def _cut_others(writer: Rewriter, node: ir.Node, value: ir.Value, axis: int) -> ir.Value:
    shape = static_shape(node.inputs[0]) or ()
    for other, size in enumerate(shape):
        cut = slice_of(node, other, size)
        if other == axis or cut is None or (cut.start, cut.end, cut.step) == (0, size, 1):
            continue
        end = cut.end if cut.end >= 0 else int(np.iinfo(np.int64).min)
        bounds = [[cut.start], [end], [other], [cut.step]]
        constants = [writer.new.constant(b, f"{node.name}.cut", np.int64) for b in bounds]
        value = writer.new.one(f"{node.name}.cut", "Slice", value, *constants)
    return value


def concat(writer: Rewriter, node: ir.Node) -> None:
    """Concat of channels; along time only with one constant, which is a padding."""
    output = node.outputs[0]
    made = writer.facts.time(output)
    if made is None or axis_of(node, len(static_shape(output) or ())) != [made.axis]:
        framewise(writer, node)
        return
    fill, ((place, track), *more) = _constant_fill(writer, node), _time_varying_inputs(writer, node)
    if fill is None or more:
        raise StreamingRefused(
            "it joins frames along time",
            "one stream, with zeros or another constant before or after it",
            "pad with zeros instead",
        )
    sizes = [(static_shape(value) or ())[made.axis] for value in node.inputs]
    left, right = sum(sizes[:place]), sum(sizes[place + 1 :])
    read = right > 0 and writer.frames_read(output).end - left > track.time.offset
    track = writer.zeroed(track, str(node.name), before=left > 0, after=read, fill=fill)
    writer.set(
        output,
        track.value,
        track.delay - left,
        track,
        node=node,
        before=not fill and track.zero_before,
        after=not fill and track.zero_after,
        late=(KNOWN,) * left + track.late,
    )


def _time_varying_inputs(writer: Rewriter, node: ir.Node) -> list[tuple[int, Track]]:
    """Return the inputs that carry time, with their places."""
    tracks = ((place, writer.track(value)) for place, value in enumerate(node.inputs))
    return [(place, track) for place, track in tracks if track is not None]


def _constant_fill(writer: Rewriter, node: ir.Node) -> float | None:
    """Return the one number in all constants that a Concat joins to its stream; None if there are others."""
    arrays = [array_of(value) for value in node.inputs if writer.track(value) is None]
    known = [array for array in arrays if array is not None]
    numbers = {float(number) for array in known for number in np.unique(array)}
    return max(numbers, default=0.0) if len(numbers) < 2 and len(known) == len(arrays) else None


def gather(writer: Rewriter, node: ir.Node) -> None:
    """Gather of other axes; along time where its indices are evenly spaced frames, as in an STFT."""
    track = writer.track(node.inputs[0])
    axis = int(attribute(node, "axis", 0)) % len(static_shape(node.inputs[0]) or (0,))
    if track is None or track.axis != axis:
        framewise(writer, node)
        return
    output, index = node.outputs[0], array_of(node.inputs[1])
    made = writer.facts.time(output)
    grown = (
        -1 if made is None else made.axis - axis
    )  # the axis of the index along which time goes on
    if index is None or made is None or not 0 <= grown < index.ndim:
        raise StreamingRefused(
            "it picks frames", "frames in their order", "leave the selection out"
        )
    moved = np.moveaxis(index, grown, 0)
    rows = moved.reshape(len(moved), -1)
    step = Fraction(track.time.rate, made.rate)
    first, reach = int(rows[0].min()), int(rows[0].max() - rows[0].min())
    even = np.arange(len(rows))[:, None] * int(step) + rows[0]
    if step.denominator != 1 or not np.array_equal(even, rows):
        raise StreamingRefused(
            "it picks frames that are not evenly spaced", "frames in their order", "use strides"
        )
    value, delay = writer.window(node, reach, int(step), -first, None)
    count = int(made.rate * writer.hop) + writer.held_again(node)
    places = np.arange(count)[:, None] * int(step) + rows[0] - first
    shaped = np.moveaxis(places.reshape(-1, *moved.shape[1:]), 0, grown)
    indices = writer.new.constant(shaped, f"{node.name}.frames", np.int64)
    result = writer.new.one(str(node.name), "Gather", value, indices, axis=axis)
    writer.set(output, result, delay, track, node=node)


def split(writer: Rewriter, node: ir.Node) -> None:
    """Split of other axes than time."""
    track = writer.stream(node.inputs[0])
    axis = int(attribute(node, "axis", 0)) % len(track.shape)
    if track.axis == axis:
        raise StreamingRefused("it splits time", "a split of other axes", "leave the split out")
    record_outputs(
        writer,
        node,
        writer.new.copy(node, [track.value, *map(writer.fixed, node.inputs[1:])]),
        [track],
    )


def _needs_of_slice(node: ir.Node, time: TimeAxis, made: TimeAxis, read: Span) -> Span:
    cut = slice_of(node, time.axis, (static_shape(node.inputs[0]) or ())[time.axis])
    if cut is None or cut.step < 1:
        return Span(0, time.offset)
    first = read.first * cut.step + cut.start
    return Span(first, read.end + cut.start if cut.step == 1 else time.offset)


def _needs_of_pad(node: ir.Node, time: TimeAxis, made: TimeAxis, read: Span) -> Span:
    left, _ = pads_of(node, time.axis)
    if attribute(node, "mode", "constant") == "constant":
        return Span(read.first - left, read.end - left)
    first = read.first - left if read.first >= left else 0  # it repeats frames from its first on
    return Span(first, read.end - left)


def _needs_of_concat(node: ir.Node, time: TimeAxis, made: TimeAxis, read: Span) -> Span:
    rank = len(static_shape(node.outputs[0]) or ())
    return read if axis_of(node, rank) != [made.axis] else Span(0, time.offset)


def _ratio_of_slice(node: ir.Node, growth: Growth) -> Fraction:
    cut = slice_of(node, growth.read_axis, growth.read[growth.read_axis])
    return Fraction(1, abs(cut.step) if cut else 1)


def _ratio_of_gather(node: ir.Node, growth: Growth) -> Fraction:
    index, axis = array_of(node.inputs[1]), int(attribute(node, "axis", 0)) % len(growth.read)
    along = growth.made_axis - axis  # the axis of the index along which time goes on
    rows = index is not None and index.ndim >= 2 and 0 <= along < index.ndim
    if index is None or not rows or growth.read_axis != axis or index.shape[along] < 2:
        return Fraction(1)
    first, second = (int(np.take(index, n, along).ravel()[0]) for n in (0, 1))
    return Fraction(1, max(abs(second - first), 1))


def _ratio_of_reshape(node: ir.Node, growth: Growth) -> Fraction:
    read, made = growth.read, growth.made
    return Fraction(prod(read) * made[growth.made_axis], read[growth.read_axis] * prod(made))


def _picks_frames(node: ir.Node, track: Track, made: TimeAxis, read: Span) -> bool:
    return int(attribute(node, "axis", 0)) % len(track.shape) == track.axis


RULES = (
    StreamingRule("Concat", concat, _needs_of_concat, late=True),
    StreamingRule("Expand", expand, needs_same_frames),
    StreamingRule("Gather", gather, ratio=_ratio_of_gather, reads_window=_picks_frames),
    StreamingRule("GatherElements", gather_elements, needs_same_frames),
    StreamingRule("GatherND", refuse_gather_nd),
    StreamingRule("Pad", pad, _needs_of_pad, late=True),
    StreamingRule("Reshape", reshape, needs_same_frames, ratio=_ratio_of_reshape, late=True),
    StreamingRule("Slice", slice_, _needs_of_slice, _ratio_of_slice, lambda *_: True, late=True),
    StreamingRule("Split", split, needs_same_frames, late=True),
    StreamingRule("Squeeze", reshape, needs_same_frames, late=True),
    StreamingRule("Unsqueeze", reshape, needs_same_frames, late=True),
)
