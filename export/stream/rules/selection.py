"""Selection between two streams by a constant mask, as an assignment to some frames leaves behind."""

from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir

from edgekit.export.stream.late import Late, again
from edgekit.export.stream.rewrite import Rewriter
from edgekit.export.stream.rules.elementwise import broadcast, record_outputs
from edgekit.export.stream.rules.rule import StreamingRule, needs_same_frames
from edgekit.export.stream.time_patterns import Pattern, TimeConstant, emit_pattern, pattern_of
from edgekit.export.stream.track import Track
from edgekit.graph.nodes import array_of, static_shape


@dataclass(frozen=True)
class Mask:
    """A constant mask: some first frames, and one value in all frames after them.

    Attributes:
        constant: its content and its time axis.
        pattern: its frames.
    """

    constant: TimeConstant
    pattern: Pattern

    @property
    def start(self) -> int:
        """The number of first frames."""
        return int(self.pattern.start.shape[self.constant.axis])

    @property
    def later(self) -> bool:
        """The value after the first frames."""
        return bool(self.pattern.period.any())


def where(writer: Rewriter, node: ir.Node) -> None:
    """Select frames; a stream of which only the first frames are read does not delay the other.

    ``y = x; y[3:] = x[:-3]`` reads frames of `x` below 3 alone. The frames from 3 on follow from frames of the past,
    so `y` is ahead of `x` by three frames, and its first frames are late.
    """
    name, mask = str(node.name), _mask(writer, node)
    streams = None if mask is None else _streams(writer, node, mask)
    if streams is not None:
        writer.repeats.append(name)
    if mask is None or streams is None or not (writer.lates is None or name in writer.lates):
        broadcast(writer, node)
        return
    first, other = streams
    early = _early(writer, first, other.delay, _late(first, mask), name)
    tracks = writer.align({first.offline: early, other.offline: other}, name)
    delay, held = other.delay, tracks[other.offline].again
    shown = emit_pattern(writer.new, mask.constant, mask.pattern, first.frames, delay, held)
    selected = [tracks[value].value for value in node.inputs[1:] if value is not None]
    results = writer.new.copy(node, [shown, *selected])
    record_outputs(writer, node, results, list(tracks.values()))


def _streams(writer: Rewriter, node: ir.Node, mask: Mask) -> tuple[Track, Track] | None:
    """Return the stream of which only first frames are read, and the other one; None if it is not the later one."""
    first, other = (writer.track(node.inputs[n]) for n in (1 + mask.later, 2 - mask.later))
    if first is None or other is None or first.offline is other.offline:
        return None
    same = (first.time.rate, first.outer, first.axis) == (other.time.rate, 1, other.axis)
    if not same or first.delay <= other.delay:
        return None
    begin = other.delay + again(_late(first, mask), other.delay, first.frames)
    known = begin >= min(0, first.delay + first.again)  # no frame is asked for before it is there
    return (first, other) if known else None


def _late(first: Track, mask: Mask) -> Late:
    """Return the hop in which each frame is final that a mask takes from a stream."""
    return tuple(first.final(frame) for frame in range(mask.start))


def _mask(writer: Rewriter, node: ir.Node) -> Mask | None:
    """Return the mask of a selection along time; None for another one."""
    value, made = node.inputs[0], writer.facts.time(node.outputs[0])
    time, twin = writer.facts.time(value), writer.facts.twins.get(value) if value else None
    array = array_of(twin)
    if time is None or made is None or array is None:
        return None
    rank, name = len(static_shape(node.outputs[0]) or ()), f"{node.name}.mask"
    if time.axis - array.ndim != made.axis - rank:
        return None
    pattern = pattern_of(array, time.axis, 1)
    constant = TimeConstant(name, (array, array), time.axis, time.rate, time.offset)
    return Mask(constant, pattern) if pattern is not None and _has_start(pattern) else None


def _has_start(pattern: Pattern) -> bool:
    """Whether one value follows on other first frames, up to the end."""
    period = pattern.period
    return bool(pattern.start.size and not pattern.end.size and period.min() == period.max())


def _early(writer: Rewriter, track: Track, delay: int, late: Late, name: str) -> Track:
    """Return the stream at a smaller delay: it holds its first frames again, and zeros in place of later ones."""
    count = delay + again(late, delay, track.frames) - track.delay
    value = writer.context(track, count, f"{name}.first")
    pads = [0] * 2 * len(track.shape)
    pads[track.axis - len(track.shape)] = track.delay - delay
    amounts = writer.new.constant(pads, f"{name}.pads", np.int64)
    value = writer.new.one(f"{name}.early", "Pad", value, amounts)
    return replace(track, value=value, delay=delay, late=late, zero_before=False, zero_after=False)


RULES = (StreamingRule("Where", where, needs_same_frames, late=True),)
