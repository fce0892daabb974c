"""Look-ups for the rules: the stream of an offline value, or its constant, in the graph of one hop."""

from collections.abc import Sequence
from dataclasses import replace

import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.export.stream.hopgraph import HopGraph
from edgekit.export.stream.late import NONE, Late
from edgekit.export.stream.tensor_timing import Facts, TimeAxis
from edgekit.export.stream.time_constants import Emitter
from edgekit.export.stream.track import Square, StreamingRefused, Track
from edgekit.graph.nodes import array_of, static_shape

INSIDE = (
    "time moves inside of another axis",
    "time in front of the axes that it is joined with",
    "transpose before it",
)


class Values:
    """Offline values and their form in the graph of one hop.

    Attributes:
        hop: samples of one call.
        new: the graph of one hop.
        facts: time axes of the offline values.
        along: frames of constants along time in a hop.
        tracks: the streams so far.
        squares: the attention scores and weights so far.
    """

    def __init__(self, facts: Facts, hop: int, opsets: dict[str, int]) -> None:
        """Start with an empty hop graph."""
        self.hop, self.facts, self.new = hop, facts, HopGraph(hop, opsets)
        self.tracks: dict[ir.Value, Track] = {}
        self.squares: dict[ir.Value, Square] = {}
        self.along = Emitter(self.new, hop, facts.samples, facts.minimum_hop(), facts.origins)
        self._fixed: dict[ir.Value, ir.Value] = {}
        self._along: dict[tuple[ir.Value, int], ir.Value] = {}

    def track(self, value: ir.Value | None) -> Track | None:
        """Return the stream of an offline value; None if it does not carry time."""
        return None if value is None else self.tracks.get(value)

    def stream(self, value: ir.Value | None) -> Track:
        """Return the stream of an offline value that must carry time."""
        found = self.track(value)
        if found is None:
            name = "" if value is None else f" '{value.name}'"
            raise StreamingRefused(
                f"its operand{name} holds no frames of a stream",
                "frames that are computed from the input",
                "swap its operands, or compute this one from the input; add a table of distances to the scores",
            )
        if found.outer > 1:
            raise StreamingRefused(*INSIDE)
        return found

    def fixed(self, value: ir.Value | None) -> ir.Value | None:
        """Return the hop graph's value for one without time: a constant, or a value computed from such inputs."""
        if value is None:
            return None
        if value in self.facts.changed or value in self.facts.axes:
            raise StreamingRefused(
                f"its constant '{value.name}' follows the length of the input",
                "constants that are the same at every length",
                "compute it from the frame itself; a table of positions ends, so use distances instead",
            )
        if value not in self._fixed:
            array = array_of(value)
            if array is None:
                raise StreamingRefused(
                    f"its operand '{value.name}' is computed from data without time",
                    "constants, and frames of the input",
                    "make it a parameter, a buffer or a number",
                )
            self._fixed[value] = self.new.constant(array, str(value.name), array.dtype)
        return self._fixed[value]

    def set_fixed(self, value: ir.Value, result: ir.Value) -> None:
        """Record the hop graph's value for one without time."""
        self._fixed[value] = result

    def hop_shape(self, value: ir.Value) -> tuple[int, ...]:
        """Return the shape of one hop of an offline value."""
        time = self.facts.time(value)
        shape = static_shape(value) or ()
        if time is None:
            return shape
        return (*shape[: time.axis], int(time.rate * self.hop), *shape[time.axis + 1 :])

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
        """Record the stream of an offline value.

        Args:
            value: of the offline network.
            result: one hop of it.
            delay: in frames.
            sources: its operands; they show which node caused the delay.
            node: the node that made it.
            before: its frames before 0 are zero (they are also if it isn't delayed).
            after: its frames after the end are zero.
            outer: see `Track.outer`.
            late: see `Track.late`.
        """
        time = self.facts.time(value)
        if time is None:
            raise StreamingRefused(*self._without_time(value))
        if time.offset % outer:
            raise StreamingRefused(*INSIDE)
        time = TimeAxis(time.axis, time.rate / outer, time.offset // outer)
        cause = _cause_of(node, delay, time, sources) if delay > 0 else None
        track = Track(
            result,
            value,
            time,
            self.hop_shape(value),
            delay,
            cause,
            before,
            after,
            outer,
            late=late,
        )
        held = track.again  # what holds nothing again has no late frames
        before = before or delay + held <= 0
        self.tracks[value] = replace(track, zero_before=before, late=late if held else NONE)

    def operand(
        self,
        value: ir.Value | None,
        output: TimeAxis,
        rank: int,
        delay: int,
        read: int | None = None,
        again: int = 0,
    ) -> ir.Value | None:
        """Return a constant operand of an elementwise node: `output` is the time axis of the `rank` of its output.

        Along time it may be in `along`. Before frame 0 it keeps the value of frame 0, so that no frame before the
        stream divides by a count of 0. Frames below ``rate * samples + read`` are read. So many frames before those of
        the hop are held `again`.
        """
        time, array = self.facts.time(value), array_of(value)
        twin = array_of(self.facts.twins.get(value)) if value is not None else None
        if value is None or time is None or array is None or twin is None:
            return self.fixed(value)
        if time.axis - array.ndim != output.axis - rank or time.rate != output.rate:
            return self.fixed(value)  # refuses
        found = self._frames_along(value, (array, twin), delay, read, again)
        return self.fixed(value) if found is None else found  # refuses where nothing is known

    def _frames_along(
        self,
        value: ir.Value,
        arrays: tuple[Array, Array],
        delay: int,
        read: int | None,
        again: int,
    ) -> ir.Value | None:
        """Return the frames of a hop of a constant along time, with those held again; None if it is not known."""
        time = self.facts.axes[value][0]
        frames = int(time.rate * self.hop)
        count = 1 + -(-again // frames)
        hops = [
            self._frames_of_hop(value, arrays, delay + place * frames, read)
            for place in reversed(range(count))
        ]
        if None in hops or count == 1:
            return hops[-1] if count == 1 else None
        name, surplus = f"{value.name}.again", (count - 1) * frames - again
        whole = self.new.one(name, "Concat", *hops, axis=time.axis)
        return self.new.slice(whole, time.axis, surplus, count * frames, name) if surplus else whole

    def _frames_of_hop(
        self, value: ir.Value, arrays: tuple[Array, Array], delay: int, read: int | None
    ) -> ir.Value | None:
        key = value, delay
        if key not in self._along:
            names = str(value.name), str(self.facts.twins[value].name)
            found = self.along.emit(names, arrays, delay, read)
            if found is None:
                return None
            self._along[key] = found
        return self._along[key]

    def _without_time(self, value: ir.Value) -> tuple[str, str, str]:
        count = len(self.facts.axes.get(value, ()))
        if count:
            return (
                f"its output '{value.name}' has {count} axes that grow with time",
                "one time axis, or attention with a window",
                "limit the attention to a window with a banded mask",
            )
        return (
            f"its output '{value.name}' does not grow with time: it sums up or picks from all of time, or has one "
            "length whatever the input's",
            "operators that work frame by frame or on a window",
            "use a running form (a cumulative sum, a causal convolution, a recurrent layer), "
            "or leave this output out",
        )


def _cause_of(
    node: ir.Node | None, delay: int, time: TimeAxis, sources: Sequence[Track]
) -> str | None:
    """Return the node where a delay last grew: this one, or that of the latest of its sources."""
    worst = max(sources, key=lambda t: (t.delay_samples, t.cause is not None), default=None)
    if node is not None and (worst is None or delay / time.rate > worst.delay_samples):
        return node.name
    return None if worst is None else worst.cause
