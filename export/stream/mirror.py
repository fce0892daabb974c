"""Frames that repeat others at both ends of a stream: the index that picks them, hop by hop."""

from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir

from edgekit.export.stream.hopgraph import HopGraph
from edgekit.export.stream.late import Window
from edgekit.export.stream.track import Mirror, Track


@dataclass(frozen=True)
class MirrorReads:
    """Context of the frames without padding, and the range that is read.

    Attributes:
        mirror: the padding.
        count: frames of the context before the hop.
        skip: its first frames, which have no reader.
        rest: its last frames, which have no reader yet.
        start: whether frames before the first one are read.
        end: whether frames after the last one are.
    """

    mirror: Mirror
    count: int
    skip: int
    rest: int
    start: bool
    end: bool


def gather_mirrored_frames(
    new: HopGraph, whole: ir.Value, reading: MirrorReads, name: str
) -> ir.Value:
    """Return the frames of a context that are read; those outside of the stream are copies of others.

    Frame 0 is at place ``first`` of the context, later in earlier hops; the last frame at ``last``. A frame at
    place i repeats ``max(i, first)`` and ``min(i, last)``, or reflected ``first + |i - first|`` and
    ``last - |last - i|``.
    """
    source = reading.mirror.source
    total = source.frames + reading.count
    index = new.constant(np.arange(reading.skip, total - reading.rest), f"{name}.places")
    steps = [_frames_before_start] * reading.start + [_frames_after_end] * reading.end
    if source.delay < -source.time.offset:
        steps.reverse()  # until the end is known, it seems to lie before frames that the start repeats
    for step in steps:
        index = step(new, index, reading, name)
    limits = new.constant(0, f"{name}.least"), new.constant(total - 1, f"{name}.most")
    inside = new.exact(new.one(f"{name}.inside", "Clip", index, *limits))
    chosen = new.one(f"{name}.index", "Cast", inside, to=ir.DataType.INT64)
    return new.one(f"{name}.picked", "Gather", whole, chosen, axis=source.axis)


def _frames_before_start(
    new: HopGraph, index: ir.Value, reading: MirrorReads, name: str
) -> ir.Value:
    source, name = reading.mirror.source, f"{name}.first"
    passed = _number(new, "Mul", new.hops, source.frames, f"{name}.passed")
    begin = new.constant([reading.count + source.delay], f"{name}.begin")
    place = new.exact(new.one(f"{name}.left", "Sub", begin, passed))
    first = _number(new, "Max", place, 0, f"{name}.place")
    if reading.mirror.mode == "edge":
        return new.exact(new.one(f"{name}.held", "Max", index, first))
    return new.exact(new.one(f"{name}.reflected", "Add", first, _distance(new, index, first, name)))


def _frames_after_end(new: HopGraph, index: ir.Value, reading: MirrorReads, name: str) -> ir.Value:
    source, name = reading.mirror.source, f"{name}.last"
    rate = source.time.rate
    behind = _number(new, "Mul", new.missing, rate.numerator, f"{name}.behind")
    if rate.denominator != 1:
        behind = _number(new, "Div", behind, rate.denominator, f"{name}.frames")
    count = reading.count + source.frames + source.time.offset + source.delay
    within = new.exact(
        new.one(f"{name}.within", "Sub", new.constant([count], f"{name}.count"), behind)
    )
    whole = new.exact(new.one(f"{name}.whole", "Ceil", within))
    place = _number(new, "Sub", whole, 1, f"{name}.place")
    total = source.frames + reading.count
    limits = new.constant(0, f"{name}.least"), new.constant(total - 1, f"{name}.most")
    last = new.exact(new.one(f"{name}.inside", "Clip", place, *limits))
    if reading.mirror.mode == "edge":
        return new.exact(new.one(f"{name}.held", "Min", index, last))
    return new.exact(new.one(f"{name}.reflected", "Sub", last, _distance(new, index, last, name)))


def _distance(new: HopGraph, one: ir.Value, other: ir.Value, name: str) -> ir.Value:
    apart = new.exact(new.one(f"{name}.apart", "Sub", one, other))
    return new.exact(new.one(f"{name}.distance", "Abs", apart))


def _number(new: HopGraph, op_type: str, value: ir.Value, number: int, name: str) -> ir.Value:
    return new.exact(new.one(name, op_type, value, new.constant([number], f"{name}.by")))


def equal_first_outputs(mirror: Mirror, window: Window) -> int:
    """Return the number of windows that read only frames that repeat the first one."""
    if mirror.mode != "edge" or window.stride != 1:
        return 0
    return max(0, mirror.left - window.reach + window.left)


def drop_padding(track: Track, mode: str, left: int, right: int) -> Track:
    """Return a padded stream whose first and last frames repeat others."""
    time = replace(track.time, offset=track.time.offset - left - right)
    bare = replace(track, zero_before=False, zero_after=False, mirror=None)
    source = replace(bare, time=time, delay=track.delay + left, late=track.late[left:])
    return replace(track, zero_before=False, mirror=Mirror(source, mode, left, right))
