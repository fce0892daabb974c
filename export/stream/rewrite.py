"""The rewriter: context, delay lines and masks, of which the rules are made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil

import numpy as np
import onnx_ir as ir
from numpy.typing import DTypeLike

from edgekit.base.arrays import Array, Float32
from edgekit.export.stream.known_frames import KnownFrames
from edgekit.export.stream.mirror import MirrorReads, gather_mirrored_frames
from edgekit.export.stream.signs import partial, sign
from edgekit.export.stream.tensor_timing import Facts
from edgekit.export.stream.track import Mirror, StreamingRefused, Track
from edgekit.export.stream.values import INSIDE, Values
from edgekit.export.stream.windows import fill_of, pads_of, unheard
from edgekit.graph.model import ROUNDABLE

LARGE = 1e9  # a fill beyond it means infinity: the network reads it only in a maximum


@dataclass(frozen=True)
class Window:
    """Input frames that output frame j reads: ``j * stride - left`` to ``j * stride - left + reach``.

    `last` is the last frame that is read, counted from ``rate * samples``; the first `unheard` of each window have no
    effect.
    """

    reach: int
    stride: int
    left: int
    last: int
    unheard: int


class Rewriter(Values):
    """Rewriter of a network to hops: the state that the rules work with.

    Attributes:
        needs: how far the offline values are read, see `needs.find_needs`.
        known: frames that are known before the stream starts.
        floors: least delays of attention scores, see `Later`.
        state_bytes: bytes kept from hop to hop because of an offline value.
    """

    def __init__(
        self,
        offline: ir.Model,
        facts: Facts,
        needs: Mapping[ir.Value, int],
        known: KnownFrames,
        hop: int,
        floors: Mapping[ir.Value, int],
    ) -> None:
        """Start with an empty hop graph."""
        super().__init__(facts, hop, dict(offline.opset_imports))
        self.needs, self.known, self.floors = needs, known, floors
        self.states: dict[ir.Value, list[ir.Value]] = {}
        self._solid: dict[ir.Value, Track] = {}
        self._held: dict[ir.Node, int] = {}
        self._contexts: dict[tuple[ir.Value, int, bytes], ir.Value] = {}

    def context(self, track: Track, count: int, name: str) -> ir.Value:
        """Return the hop with the `count` frames before it; below 0, the hop without its first frames."""
        if count == 0:
            return track.value
        if track.outer > 1:
            raise StreamingRefused(*INSIDE)
        if count < 0:
            return self.new.slice(track.value, track.axis, -count, track.frames, f"{name}.rest")
        start = self.known_context(track, count)
        key = track.value, count, start.tobytes()  # padded with something, a value starts otherwise
        if key not in self._contexts:
            self._contexts[key] = self._context(track, count, start, name)
        return self._contexts[key]

    def _context(self, track: Track, count: int, start: Float32, name: str) -> ir.Value:
        new, dtype = self.new, track.offline.dtype
        frames = track.value
        if dtype != ir.DataType.FLOAT:
            frames = new.one(f"{name}.float", "Cast", frames, to=ir.DataType.FLOAT)
        shape = list(track.shape)
        shape[track.axis] = count
        state = self.state(track.offline, name, shape)
        past = self.from_start(state, start, name)
        whole = new.one(f"{name}.context", "Concat", past, frames, axis=track.axis)
        following = new.slice(whole, track.axis, track.frames, track.frames + count, f"{name}.keep")
        new.carry(state, following)
        if dtype != ir.DataType.FLOAT:
            whole = new.one(f"{name}.back", "Cast", whole, to=dtype)
        return whole

    def state(
        self, offline: ir.Value, name: str, shape: Sequence[int], *, roundable: bool = False
    ) -> ir.Value:
        """Add a state that is kept because of an offline value; a recipe may round it if it is `roundable`."""
        state = self.new.state(name, shape)
        if roundable:
            state.metadata_props[ROUNDABLE] = "1"
        self.states.setdefault(offline, []).append(state)
        return state

    def from_start(self, state: ir.Value, start: Array, name: str) -> ir.Value:
        """Return a state that is `start`, not zero, in the first hop."""
        if not start.any():
            return state
        content = self.new.constant(start, f"{name}.start")
        return self.new.one(f"{name}.begin", "Where", self.new.first, content, state)

    def known_context(self, track: Track, count: int) -> Float32:
        """Return the `count` frames before the first hop: zeros before frame 0, known ones from there."""
        shape = list(track.shape)
        shape[track.axis] = count
        frames = np.zeros(shape, np.float32)
        early = min(-track.delay, count)
        producer = track.offline.producer()
        zeros = producer is not None and producer.op_type == "Pad" and not fill_of(producer)
        if zeros and producer and pads_of(producer, track.axis)[0] >= -track.delay:
            return frames
        if early > 0:
            known = self.known.frames(track.offline, track.time, -track.delay)
            if known is None:
                raise StreamingRefused(
                    "its first frames, which come before the input, follow from another input",
                    "a padded start that follows from constants",
                    "pad after the layer that reads the other input",
                )
            place = [slice(None)] * known.ndim
            place[track.axis] = slice(-early, None)
            frames[tuple(place)] = known[tuple(place)]
        return frames

    def delayed(self, track: Track, delay: int, name: str) -> Track:
        """Return the stream shifted to a greater delay."""
        if delay <= track.delay:
            return track
        whole = self.context(track, delay - track.delay, f"{name}.{track.offline.name}")
        value = self.new.slice(whole, track.axis, 0, track.frames, f"{name}.delayed")
        return replace(track, value=value, delay=delay, cause=None)

    def zeroed(
        self, track: Track, name: str, *, before: bool, after: bool, fill: float = 0.0
    ) -> Track:
        """Return the stream with zeros, or `fill`, before frame 0 and after the end, if requested and not yet so."""
        before = before and (track.delay > 0 if fill else not track.zero_before)
        after = after and not (track.zero_after and not fill)
        if not before and not after:
            return track
        if after and track.delay < -track.time.offset:
            # only its last sample shows whether a frame is after the end
            track = self.delayed(track, -track.time.offset, f"{name}.end")
        value = self.masked(track, track.value, 0, name, before=before, after=after, fill=fill)
        zero_before, zero_after = track.zero_before or before, track.zero_after or after
        if fill:
            zero_before = zero_after = False
        return replace(track, value=value, zero_before=zero_before, zero_after=zero_after)

    def set(
        self,
        value: ir.Value,
        result: ir.Value,
        delay: int,
        *sources: Track,
        node: ir.Node | None = None,
        before: bool = False,
        after: bool = False,
        outer: int = 1,
    ) -> None:
        """Record a stream as `Values.set`; equal first outputs of a window are left out of it."""
        more = {"before": before, "after": after}
        super().set(value, result, delay, *sources, node=node, outer=outer, **more)
        if node is not None and (held := self._held.get(node)):
            self.tracks[value] = _drop_padding(self.tracks[value], "edge", held, 0)

    def frames_read(self, output: ir.Value) -> int:
        """Return the offset n for which frames below ``rate * samples + n`` of a rule's output are read.

        Raises:
            Refused: it has no time axis, as after padding or cutting to one length.
        """
        time = self.facts.time(output)
        if time is None:
            raise StreamingRefused(*self._without_time(output))
        return self.needs.get(output, time.offset)

    def zero_start(self, node: ir.Node, fill: float) -> None:
        """Put zeros before frame 0 of the output of `node`, if sums or squares of `fill` would overflow there."""
        output = node.outputs[0]
        if not abs(fill) <= LARGE:
            track = self.stream(output)
            self.tracks[output] = self.zeroed(track, str(node.name), before=True, after=False)

    def masked(
        self,
        track: Track,
        value: ir.Value,
        count: int,
        name: str,
        *,
        before: bool,
        after: bool,
        fill: float = 0.0,
    ) -> ir.Value:
        """`value`, which is `track` with `count` frames of context, with `fill` outside the stream."""
        inside = self.inside(track, count, name, before=before, after=after)
        other = self.new.constant(fill, f"{name}.fill", _dtype(track))
        return self.new.one(f"{name}.masked", "Where", inside, value, other)

    def allowed(self, node: ir.Node, track: Track) -> ir.Value:
        """Return the stream as an operand of `node`, with 1 before frame 0 if not every number is valid."""
        if track.delay <= 0 or partial(node) is not track.offline:
            return track.value
        if sign(track.value) > 0 or (node.op_type == "Sqrt" and sign(track.value) == 0):
            return track.value
        name = f"{node.name}.{track.offline.name}"
        return self.masked(track, track.value, 0, name, before=True, after=False, fill=1.0)

    def inside(self, track: Track, count: int, name: str, *, before: bool, after: bool) -> ir.Value:
        """Return the frames of a context that are inside the stream: bool, broadcasts over the other axes."""
        shape = [1] * (len(track.shape) - track.axis)
        shape[0] = (track.frames + count) * track.outer
        place = np.tile(np.arange(track.frames + count) - count, track.outer).reshape(shape)
        started = ended = None
        if before:
            hops = -((place - track.delay) // track.frames)
            started = self.new.since(hops, f"{name}.started")
        if after:
            behind = track.frames + track.time.offset + track.delay - place
            limit = [ceil(Fraction(int(n)) / track.time.rate) for n in behind.ravel()]
            bound = self.new.constant(np.reshape(limit, shape), f"{name}.limit")
            ended = self.new.exact(self.new.one(f"{name}.within", "Less", self.new.missing, bound))
        if started is None or ended is None:
            found = started or ended
            assert found is not None
            return found
        return self.new.one(f"{name}.inside", "And", started, ended)

    def window(
        self, node: ir.Node, reach: int, stride: int, left: int, fill: float | None = 0.0
    ) -> tuple[ir.Value, int]:
        """Return the input of an operator that slides along time in one hop, and the delay of its output.

        Output frame j reads input frames ``j * stride - left`` to ``j * stride - left + reach``.

        Args:
            node: the operator; its first input is the stream.
            reach: ``(kernel - 1) * dilation``.
            stride: in frames.
            left: padding before frame 0, below 0 for frames that are skipped.
            fill: value of frames outside the stream; None if it does not matter.
        """
        track, output, name = self.stream(node.inputs[0]), node.outputs[0], str(node.name)
        last = (self.frames_read(output) - 1) * stride + reach - left
        if track.mirror is not None:
            window = Window(reach, stride, left, last, unheard(node, track.axis))
            return self._mirrored(track, window, node)
        before, after = left > 0, last >= track.time.offset
        if fill == 0:
            track = self.zeroed(track, name, before=before, after=after)
        elif fill is not None and after and track.delay < -track.time.offset:
            track = self.delayed(track, -track.time.offset, f"{name}.end")
        delay = ceil(Fraction(track.delay + reach - left + 1 - stride, stride))
        count = delay * stride + left - track.delay
        value = self.context(track, count, name)
        if fill is not None and fill != 0 and (before or after):
            value = self.masked(track, value, count, name, before=before, after=after, fill=fill)
        return value, delay

    def set_mirrored(
        self, node: ir.Node, value: ir.Value, mode: str, left: int, right: int
    ) -> None:
        """Record the output of a Pad that repeats frames: `value` is one hop without the padding."""
        output, track = node.outputs[0], self.stream(node.inputs[0])
        shape = self.hop_shape(output)
        source = replace(track, value=value, shape=shape, zero_before=False, zero_after=False)
        source = self.delayed(source, 0, str(node.name))
        self.set(output, source.value, source.delay - left, track, node=node)
        self.tracks[output] = replace(self.tracks[output], mirror=Mirror(source, mode, left, right))

    def kept_mirror(self, node: ir.Node, mirror: Mirror) -> None:
        """Pad the outputs of `node`, which works frame by frame on a padded value, in the same way."""
        for output in node.outputs:
            track = self.track(output)
            if track is not None:
                self.tracks[output] = _drop_padding(track, mirror.mode, mirror.left, mirror.right)

    def solid(self, value: ir.Value) -> Track:
        """Return the stream of a padded value with all frames that the padding adds."""
        track = self.tracks[value]
        if track.mirror is None:
            return track
        if value not in self._solid:
            name = f"{value.name}.padded"
            window = Window(0, 1, 0, self.needs.get(value, track.time.offset) - 1, 0)
            found, delay, _ = self._mirror_window(track, window, name, hold=False)
            cause = track.cause if delay <= 0 or track.cause else name
            self._solid[value] = replace(
                track,
                value=found,
                delay=delay,
                cause=cause,
                mirror=None,
                zero_before=delay <= 0,
                zero_after=False,
            )
        return self._solid[value]

    def _mirrored(self, track: Track, window: Window, node: ir.Node) -> tuple[ir.Value, int]:
        value, delay, held = self._mirror_window(track, window, str(node.name), hold=True)
        if held:
            self._held[node] = held
        return value, delay

    def _mirror_window(
        self, track: Track, window: Window, name: str, *, hold: bool
    ) -> tuple[ir.Value, int, int]:
        """Return a window's input from a padded value, its delay, and how many of its first outputs are equal.

        The first output waits for the frame that the first padded one repeats. If the first windows only read repeats
        of one frame, their outputs are equal, and their readers need not wait.
        """
        mirror, skip, stride = track.mirror, -window.left, window.stride
        assert mirror is not None
        source = mirror.source
        right = min(mirror.right, window.last - mirror.left - source.time.offset + 1)
        if right > 0 and source.delay < -source.time.offset:
            source = self.delayed(source, -source.time.offset, f"{name}.end")
            mirror = replace(mirror, source=source)
        begin = source.delay - mirror.left
        least = delay = ceil(Fraction(begin + window.reach + skip + 1 - stride, stride))
        held = _equal_first_outputs(mirror, window) if hold else 0
        start = skip < mirror.left
        if start and not held:
            furthest = max(mirror.first_needs - skip - window.unheard, mirror.left)
            hops = -(-(furthest + begin + 1) // track.frames) - 1
            delay = max(delay, hops * track.frames // stride)
        needed = delay * stride - skip - begin
        count = max(0, needed + max(0, mirror.reach - window.reach if right > 0 else 0))
        whole = self.context(source, count, name)
        rest = (delay - least) * stride
        reading = MirrorReads(mirror, count, count - needed, rest, start, right > 0)
        return gather_mirrored_frames(self.new, whole, reading, name), delay, held


def _equal_first_outputs(mirror: Mirror, window: Window) -> int:
    """Return the number of windows that read only frames that repeat the first one."""
    if mirror.mode != "edge" or window.stride != 1:
        return 0
    return max(0, mirror.left - window.reach + window.left)


def _drop_padding(track: Track, mode: str, left: int, right: int) -> Track:
    """Return a padded stream whose first and last frames repeat others."""
    time = replace(track.time, offset=track.time.offset - left - right)
    source = replace(
        track, time=time, delay=track.delay + left, zero_before=False, zero_after=False, mirror=None
    )
    return replace(track, mirror=Mirror(source, mode, left, right))


def _dtype(track: Track) -> DTypeLike:
    return np.float32 if track.offline.dtype is None else track.offline.dtype.numpy()
