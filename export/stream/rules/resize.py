"""Upsampling along time, by repeating frames or on the lines between them."""

from fractions import Fraction

import numpy as np
import onnx_ir as ir

from edgekit.export.stream.rewrite import Rewriter
from edgekit.export.stream.rules.rule import Growth, StreamingRule
from edgekit.export.stream.track import StreamingRefused, Track
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
            "it moves the time axis", "time on the same axis", "report this network"
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
    result = writer.new.one(str(node.name), "Resize", track.value, None, constant, **attributes)
    zero = {"before": track.zero_before, "after": track.zero_after}
    writer.set(output, result, track.delay * int(factor), track, node=node, **zero)


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
    if any(
        track.shape[n] != size
        for n, size in enumerate(writer.hop_shape(node.outputs[0]))
        if n != axis
    ):
        raise StreamingRefused(
            "it resizes other axes as well", "time alone", "resize them one after another"
        )
    if (
        track.delay < -track.time.offset
    ):  # which frame is the last is known with its last sample only
        track = writer.delayed(track, -track.time.offset, f"{name}.end")
    delay = track.delay * factor + factor // 2
    frames = track.frames * factor
    place = (
        np.arange(frames) - delay + 0.5
    ) / factor - 0.5  # of the outputs, in input frames of hop 0
    lower = np.floor(place).astype(np.int64)
    share = (place - lower).astype(np.float32)
    first = (
        int(lower.min()) - 1
    )  # one more, so that the frame before the first of them can stand in
    count = -track.delay - first
    whole = writer.context(track, count, name)
    whole = _hold_border_frames(writer, track, whole, count, name)
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
    writer.set(node.outputs[0], result, delay, track, node=node)


def _hold_border_frames(
    writer: Rewriter, track: Track, whole: ir.Value, count: int, name: str
) -> ir.Value:
    """Return a context with frame 0 also before the start and the last frame also after the end."""
    new, axis, total = writer.new, track.axis, track.frames + count
    order = np.arange(total)
    for part, shifted, before in (("early", order + 1, True), ("late", order - 1, False)):
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


RULES = (StreamingRule("Resize", resize, ratio=_ratio),)
