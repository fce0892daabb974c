"""Upsampling along time, by repeating frames or on the lines between them."""

from collections.abc import Sequence
from fractions import Fraction
from math import ceil, floor

import numpy as np
import onnx_ir as ir

from edgekit.export.stream.late import KNOWN, Late, again, late_blocks
from edgekit.export.stream.rewrite import Rewriter
from edgekit.export.stream.rules.rule import Growth, StreamingRule
from edgekit.export.stream.tensor_timing import TimeAxis
from edgekit.export.stream.track import Span, StreamingRefused, Track
from edgekit.graph.nodes import array_of, attribute

LEFT_OUT = ("axes", "keep_aspect_ratio_policy")  # attributes that scales of all axes do not need
REPEATED = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}


def resize(writer: Rewriter, node: ir.Node) -> None:
    """Nearest upsampling along time by a whole factor; any Resize of other axes."""
    track, output = writer.stream(node.inputs[0]), node.outputs[0]
    made = writer.facts.time(output)
    if made is None or made.axis != track.axis:
        writer.set(output, output, 0)  # refuses
        raise StreamingRefused(
            "it resizes time to a fixed number of frames",
            "time by a whole factor",
            "give a scale_factor instead of a size",
        )
    factor, mode = made.rate / track.time.rate, attribute(node, "mode", "nearest")
    if factor != 1:
        _check_resampling(node, mode, factor)
    if factor != 1 and mode == "linear":
        _linear(writer, node, track, int(factor))
        return
    shape = writer.hop_shape(output)
    scales = [after / before for after, before in zip(shape, track.shape, strict=True)]
    constant = writer.new.constant(scales, f"{node.name}.scales", np.float32)
    attributes = {k: a.value for k, a in node.attributes.items() if k not in LEFT_OUT}
    if mode == "nearest" and factor != 1:
        attributes |= REPEATED
    name, delay = str(node.name), track.delay * int(factor)
    result = writer.new.one(name, "Resize", track.value, None, constant, **attributes)
    late = late_blocks(track.late, int(factor), 0, writer.frames_read(output).first)
    frames = shape[track.axis]
    surplus = track.again * int(factor) - again(late, delay, frames)
    if surplus:
        end = track.again * int(factor) + frames
        result = writer.new.slice(result, track.axis, surplus, end, f"{name}.rest")
    before, after = track.zero_before, track.zero_after
    writer.set(output, result, delay, track, node=node, before=before, after=after, late=late)


def _check_resampling(node: ir.Node, mode: str, factor: Fraction) -> None:
    """Refuse resampling of time by a factor that is not 1 if a hop alone does not define it."""
    if mode not in ("nearest", "linear") or factor.denominator != 1:
        raise StreamingRefused(
            f"{mode} resampling of time by {factor}",
            "nearest or linear upsampling by a whole factor",
            "use a strided or transposed convolution",
        )
    aligned = attribute(node, "coordinate_transformation_mode", "half_pixel") == "align_corners"
    if mode == "linear" and aligned:
        raise StreamingRefused(
            "linear upsampling of time with align_corners, whose steps follow the length",
            "align_corners=False, or size=factor * (frames - 1) + 1",
            "train it with one of these",
        )


def _linear(writer: Rewriter, node: ir.Node, track: Track, factor: int) -> None:
    """Upsample linearly between two frames; before the first and after the last one values stay constant.

    Output frame j lies at ``(j + 1/2) / factor - 1/2`` of the input, so half of the outputs of a frame wait for the
    next one.
    """
    new, name, axis = writer.new, str(node.name), track.axis
    _refuse_other_axes(track, writer.hop_shape(node.outputs[0]))
    read = writer.frames_read(node.outputs[0])
    closes = read.end > factor * (track.time.offset - 1) + (factor + 1) // 2
    if closes and track.delay < -track.time.offset:
        # which frame is the last is known with its last sample only
        track = writer.delayed(track, -track.time.offset, f"{name}.end")
    delay = track.delay * factor + factor // 2
    late = _late_lines(track, factor, read.first)
    older = again(late, delay, track.frames * factor)
    frames = track.frames * factor + older
    # of the outputs, in input frames of hop 0
    place = (np.arange(frames) - older - delay + 0.5) / factor - 0.5
    lower = np.floor(place).astype(np.int64)
    share = (place - lower).astype(np.float32)
    # one more, so that the frame before the first of them can stand in
    first = int(lower.min()) - 1
    count = -track.delay - first
    whole = writer.context(track, count, name)
    whole = _hold_border_frames(writer, track, whole, count, name, ends=closes)
    shape = [1] * len(track.shape)
    shape[axis] = frames
    total = track.frames + count
    ends = []
    for part, places in (("before", lower), ("behind", np.minimum(lower + 1, first + total - 1))):
        index = new.constant(places - first, f"{name}.{part}.frames", np.int64)
        ends.append(new.one(f"{name}.{part}", "Gather", whole, index, axis=axis))
    rise = new.one(f"{name}.rise", "Sub", ends[1], ends[0])
    risen = new.one(
        f"{name}.risen", "Mul", rise, new.constant(share.reshape(shape), f"{name}.share")
    )
    result = new.one(name, "Add", ends[0], risen)
    writer.set(node.outputs[0], result, delay, track, node=node, late=late)


def _refuse_other_axes(track: Track, shape: Sequence[int]) -> None:
    if any(track.shape[n] != size for n, size in enumerate(shape) if n != track.axis):
        raise StreamingRefused(
            "it resizes other axes as well", "time alone", "resize them one after another"
        )


def _late_lines(track: Track, factor: int, first: int) -> Late:
    """Return in which hop each of the first outputs is final, which lie between two frames."""
    found = []
    for n in range(len(track.late) * factor + factor // 2 if track.late else 0):
        lower = (2 * n + 1 - factor) // (2 * factor)
        near = [m for m in (lower, lower + 1) if 0 <= m < len(track.late)]
        found.append(KNOWN if n < first else max((track.late[m] for m in near), default=KNOWN))
    return tuple(found)


def _hold_border_frames(
    writer: Rewriter, track: Track, whole: ir.Value, count: int, name: str, *, ends: bool
) -> ir.Value:
    """Return a context with frame 0 also before the start and the last frame also after the end, where it is read."""
    new, axis, total = writer.new, track.axis, track.frames + count
    order = np.arange(total)
    both = ("early", order + 1, True), ("late", order - 1, False)
    unknown = not ends and track.delay < -track.time.offset
    for part, shifted, before in both[:1] if unknown else both:
        places = new.constant(np.clip(shifted, 0, total - 1), f"{name}.{part}.places", np.int64)
        moved = new.one(f"{name}.{part}", "Gather", whole, places, axis=axis)
        inside = writer.inside(track, count, f"{name}.{part}", before=before, after=not before)
        whole = new.one(f"{name}.{part}.held", "Where", inside, whole, moved)
    return whole


def _ratio(node: ir.Node, growth: Growth) -> Fraction:
    axis, scales = growth.read_axis, array_of(node.inputs[2]) if len(node.inputs) > 2 else None
    before, after = growth.read[axis], growth.made[growth.made_axis]
    if scales is not None and scales.size == len(growth.read):
        return Fraction(float(scales[axis])).limit_denominator(1000)
    aligned = attribute(node, "coordinate_transformation_mode", "") == "align_corners"
    if aligned and before > 1 and after > 1:
        return Fraction(after - 1, before - 1).limit_denominator(1000)
    return Fraction(after, before).limit_denominator(1000)


def _needs(node: ir.Node, time: TimeAxis, made: TimeAxis, read: Span) -> Span:
    factor = made.rate / time.rate
    if factor.denominator != 1:
        return Span(0, time.offset)
    half = Fraction(0) if attribute(node, "mode", "nearest") == "nearest" else (factor - 1) / 2
    return Span(floor((read.first - half) / factor), ceil((read.end + half) / factor))


RULES = (StreamingRule("Resize", resize, _needs, _ratio, late=True),)
