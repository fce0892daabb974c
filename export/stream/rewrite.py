"""The rewriter: context, delay lines and masks, of which the rules are made."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from math import ceil

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array, Float32
from edgekit.export.stream.known_frames import KnownFrames
from edgekit.export.stream.late import KNOWN, NONE, Late, Window, again, late_windows, latest_of
from edgekit.export.stream.mirror import (
    MirrorReads,
    drop_padding,
    equal_first_outputs,
    gather_mirrored_frames,
)
from edgekit.export.stream.signs import partial, sign
from edgekit.export.stream.tensor_timing import Facts
from edgekit.export.stream.track import Mirror, Span, StreamingRefused, Track
from edgekit.export.stream.values import INSIDE, Values
from edgekit.export.stream.windows import gap, unheard, zeros_before
from edgekit.graph.model import ROUNDABLE

LARGE = 1e9  # a fill beyond it means infinity: the network reads it only in a maximum


class Rewriter(Values):
    """Rewriter of a network to hops: the state that the rules work with.

    Attributes:
        needs: the frames of the offline values that are read, see `needs.find_needs`.
        known: frames that are known before the stream starts.
        floors: least delays of attention scores, see `Later`.
        lates: names of windows whose first outputs may be late, see `late`; None means all. Those of others wait.
        repeats: names of windows that read repeated frames earlier than they are there.
        reaches_back: whether attention without a window reads all of a recording up to the declared end.
        functions: of the offline network, with the bodies of its loops.
        state_bytes: bytes kept from hop to hop because of an offline value.
    """

    def __init__(
        self,
        offline: ir.Model,
        facts: Facts,
        needs: Mapping[ir.Value, Span],
        known: KnownFrames,
        hop: int,
        floors: Mapping[ir.Value, int],
        lates: Collection[str] | None = (),
    ) -> None:
        """Start with an empty hop graph."""
        super().__init__(facts, hop, dict(offline.opset_imports))
        self.needs, self.known, self.floors, self.lates = needs, known, floors, lates
        self.repeats: list[str] = []
        self.reaches_back = False
        self.functions = offline.functions
        self.states: dict[ir.Value, list[ir.Value]] = {}
        self._solid: dict[ir.Value, Track] = {}
        self._starts: dict[ir.Node, tuple[int, Late, int]] = {}
        self._contexts: dict[tuple[ir.Value, int, bytes], ir.Value] = {}

    def context(self, track: Track, count: int, name: str) -> ir.Value:
        """Return the hop with the `count` frames before it; below 0, the hop without its first frames."""
        held = track.again
        if count == held:
            return track.value
        if track.outer > 1:
            raise StreamingRefused(*INSIDE)
        if count < held:
            end = held + track.frames
            return self.new.slice(track.value, track.axis, held - count, end, f"{name}.rest")
        count -= held
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
        delay = track.delay + track.again
        early = min(-delay, count)
        unread = max(0, self.frames_read(track.offline).first)
        if -delay <= unread:
            early = 0
        if zeros_before(track.offline, track.axis) >= -delay:
            return frames
        if early > 0:
            known = self.known.frames(track.offline, track.time, -delay, unread)
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
        return self._shift(track, delay, track.late, name)

    def _shift(self, track: Track, delay: int, late: Late, name: str) -> Track:
        """Return the stream at a delay, with the older frames that `late` asks for."""
        held = again(late, delay, track.frames)
        count = delay - track.delay + held
        value = self.context(track, count, f"{name}.{track.offline.name}")
        if delay > track.delay:
            end = held + track.frames
            value = self.new.slice(value, track.axis, 0, end, f"{name}.delayed")
        cause = track.cause if delay == track.delay else None
        return replace(track, value=value, delay=delay, late=late, cause=cause)

    def align(self, tracks: Mapping[ir.Value, Track], name: str) -> dict[ir.Value, Track]:
        """Return streams at the greatest delay of them, each with the frames that the latest holds again."""
        delay = max((track.delay for track in tracks.values()), default=0)
        late = latest_of([track.late for track in tracks.values()])
        return {
            value: track
            if (track.delay, track.late) == (delay, late)
            else self._shift(track, delay, late, name)
            for value, track in tracks.items()
        }

    def settle(self, track: Track, name: str) -> Track:
        """Return the stream without frames that it holds again: as late as its latest one."""
        if not track.again:
            return replace(track, late=NONE)
        value = self.new.slice(track.value, track.axis, 0, track.frames, f"{name}.settled")
        return replace(track, value=value, delay=track.delay + track.again, late=NONE)

    def zeroed(
        self, track: Track, name: str, *, before: bool, after: bool, fill: float = 0.0
    ) -> Track:
        """Return the stream with zeros, or `fill`, before frame 0 and after the end, if requested and not yet so."""
        after = after and not (track.zero_after and not fill)
        if after and track.delay < -track.time.offset:
            # only its last sample shows whether a frame is after the end
            track = self.delayed(track, -track.time.offset, f"{name}.end")
        begins = track.delay + track.again > 0
        before = before and (begins if fill else not track.zero_before)
        if not before and not after:
            return track
        value = self.masked(
            track, track.value, track.again, name, before=before, after=after, fill=fill
        )
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
        late: Late = NONE,
    ) -> None:
        """Record a stream as `Values.set`; equal first outputs of a window are left out of it."""
        held, own, _ = (0, late, 0) if node is None else self._starts.get(node, (0, late, 0))
        super().set(
            value,
            result,
            delay,
            *sources,
            node=node,
            before=before,
            after=after,
            outer=outer,
            late=own,
        )
        if held:
            self.tracks[value] = drop_padding(self.tracks[value], "edge", held, 0)

    def frames_read(self, output: ir.Value) -> Span:
        """Return the frames of a rule's output that are read.

        Raises:
            Refused: it has no time axis, as after padding or cutting to one length.
        """
        time = self.facts.time(output)
        if time is None:
            raise StreamingRefused(*self._without_time(output))
        return self.needs.get(output, Span(0, time.offset))

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
        other = self.new.constant(fill, f"{name}.fill", track.dtype)
        return self.new.one(f"{name}.masked", "Where", inside, value, other)

    def allowed(self, node: ir.Node, track: Track) -> ir.Value:
        """Return the stream as an operand of `node`, with 1 before frame 0 if not every number is valid."""
        if track.delay + track.again <= 0 or partial(node) is not track.offline:
            return track.value
        if sign(track.value) > 0 or (node.op_type == "Sqrt" and sign(track.value) == 0):
            return track.value
        name = f"{node.name}.{track.offline.name}"
        return self.masked(
            track, track.value, track.again, name, before=True, after=False, fill=1.0
        )

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
        read = self.frames_read(output)
        last = (read.end - 1) * stride + reach - left
        step, silent = gap(node, track.axis), unheard(node, track.axis)
        window = Window(reach, stride, left, last, silent, read.first, step)
        if track.mirror is not None:
            value, delay, held, late = self.padded_window(track, window, name, hold=True)
            older = again(late, delay, track.frames // stride)
            self._starts[node] = held, late, older
            return value, delay
        before, after = left > 0, last >= track.time.offset
        if fill == 0:
            track = self.zeroed(track, name, before=before, after=after)
        elif fill is not None and after and track.delay < -track.time.offset:
            track = self.delayed(track, -track.time.offset, f"{name}.end")
        delay = ceil(Fraction(track.delay + reach - left + 1 - stride, stride))
        late = late_windows(track.late, window)
        older = again(late, delay, track.frames // stride)
        self._starts[node] = 0, late, older
        count = (delay + older) * stride + left - track.delay
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
        late = (KNOWN,) * left + source.late
        self.set(output, source.value, source.delay - left, track, node=node, late=late)
        mirror = Mirror(source, mode, left, right)
        self.tracks[output] = replace(self.tracks[output], zero_before=False, mirror=mirror)

    def kept_mirror(self, node: ir.Node, mirror: Mirror) -> None:
        """Pad the outputs of `node`, which works frame by frame on a padded value, in the same way."""
        for output in node.outputs:
            track = self.track(output)
            if track is not None:
                self.tracks[output] = drop_padding(track, mirror.mode, mirror.left, mirror.right)

    def held_again(self, node: ir.Node) -> int:
        """Return how many frames before its hop the output of a window holds again."""
        return self._starts[node][2]

    def solid(self, value: ir.Value, *, late: bool = False) -> Track:
        """Return the stream of a value with all frames that a padding adds, and settled unless it may be late."""
        track, name = self.tracks[value], f"{value.name}.padded"
        if track.mirror is None:
            return track if late else self.settle(track, name)
        if value not in self._solid:
            read = self.frames_read(value)
            window = Window(0, 1, 0, read.end - 1, first=read.first)
            found, delay, _, own = self.padded_window(track, window, name, hold=False)
            cause = track.cause if delay <= 0 or track.cause else name
            made = replace(track, value=found, delay=delay, cause=cause, mirror=None, late=own)
            before = delay + made.again <= 0
            self._solid[value] = replace(made, zero_before=before, zero_after=False)
        return self._solid[value] if late else self.settle(self._solid[value], name)

    def padded_window(
        self, track: Track, window: Window, name: str, *, hold: bool
    ) -> tuple[ir.Value, int, int, Late]:
        """Return a window's input from a padded value, its delay, how many of its first outputs are equal, and `late`.

        The first output that is read waits for the frame that its first padded one repeats, unless it may be late. If
        the first windows only read repeats of one frame, their outputs are equal, and their readers need not wait.
        """
        mirror, skip, stride = track.mirror, -window.left, window.stride
        assert mirror is not None
        source = mirror.source
        right = min(mirror.right, window.last - mirror.left - source.time.offset + 1)
        begin = source.delay - mirror.left
        lag = Fraction(begin + window.reach + skip + 1 - stride, stride)
        # which frame is the last one is known with the last sample
        ends = -source.time.offset - source.delay if right > 0 else 0
        delay = ceil(lag + Fraction(max(0, ends), stride))
        may_be_late = self.lates is None or name in self.lates
        equal = equal_first_outputs(mirror, window) if hold else 0
        held = 0 if may_be_late else equal
        late = late_windows(mirror.late, replace(window, first=max(window.first, held)))
        older = again(late, delay, track.frames // stride)
        if older or equal:
            self.repeats.append(name)
        if not may_be_late:
            late, delay, older = NONE, delay + older, 0
        rest = (delay - ceil(lag)) * stride
        needed = (delay + older) * stride - skip - begin
        count = max(0, needed + max(0, mirror.reach - window.reach if right > 0 else 0))
        whole = self.context(source, count, name)
        start = window.first * stride + skip < mirror.left
        reading = MirrorReads(mirror, count, count - needed, rest, start, right > 0)
        return gather_mirrored_frames(self.new, whole, reading, name), delay, held, late
