"""`Track`: a value of the hop graph that carries time."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import onnx_ir as ir
from numpy.typing import DTypeLike

from edgekit.export.stream.late import KNOWN, NONE, Late, again
from edgekit.export.stream.tensor_timing import TimeAxis


class StreamingRefused(Exception):
    """Raised if a rule cannot stream its node; `found`, `allowed` and `step` become a `Problem`."""

    def __init__(self, found: str, allowed: str, step: str) -> None:
        """Store the parts of the problem; the caller knows the node."""
        super().__init__(found)
        self.found, self.allowed, self.step = found, allowed, step


class Unseen(StreamingRefused):
    """Raised if a window of attention has no end within the length at which the network was read."""


class Later(Exception):
    """The scores of an attention must be `delay` frames late, because their values are."""

    def __init__(self, scores: ir.Value, delay: int) -> None:
        """Store the offline value of the scores."""
        super().__init__(str(scores.name))
        self.scores, self.delay = scores, delay


class Segments(Exception):
    """Raised if a hop must hold whole segments of `samples`, after which a mask of attention repeats."""

    def __init__(self, samples: int) -> None:
        """Store the length of a segment."""
        super().__init__(str(samples))
        self.samples = samples


@dataclass(frozen=True)
class Span:
    """The frames of a tensor that are read: from `first` on, below ``rate * samples + end``."""

    first: int
    end: int

    def union(self, other: "Span") -> "Span":
        """Return the frames that either reads, and those between them."""
        return Span(min(self.first, other.first), max(self.end, other.end))


@dataclass(frozen=True)
class Track:
    """A tensor of the stream: hop h holds its frames ``[h * frames - delay - again, (h + 1) * frames - delay)``.

    Attributes:
        value: in the hop graph.
        offline: the value of the offline network that it carries.
        time: axis, rate and length of the offline value.
        shape: of one hop, without the frames that it holds again.
        delay: in frames of this tensor. Below 0 if frames are known before their time, as after a padding on the
            left; the frames before ``-delay`` then follow from constants alone.
        cause: name of the node where the delay last grew.
        zero_before: frames that the stream holds before frame 0 are zero.
        zero_after: frames that it holds after the end are zero.
        outer: number of consecutive streams on the time axis, as rows that batch and time were flattened to; `time` is
            that of each.
        mirror: padding that its first and last frames repeat; None if the stream holds them itself.
        late: the hop in which each of the first frames is final, see `late`.
    """

    value: ir.Value
    offline: ir.Value
    time: TimeAxis
    shape: tuple[int, ...]
    delay: int
    cause: str | None = None
    zero_before: bool = False
    zero_after: bool = False
    outer: int = 1
    mirror: "Mirror | None" = None
    late: Late = NONE

    @property
    def axis(self) -> int:
        """The time axis."""
        return self.time.axis

    @property
    def dtype(self) -> DTypeLike:
        """NumPy's type of its values."""
        return np.float32 if self.offline.dtype is None else self.offline.dtype.numpy()

    @property
    def frames(self) -> int:
        """Frames of one hop."""
        return self.shape[self.axis] // self.outer

    @property
    def again(self) -> int:
        """Frames before those of the hop that it holds again."""
        return again(self.late, self.delay, self.frames)

    def final(self, frame: int) -> int:
        """Return the hop in which a frame is final."""
        late = self.late[frame] if frame < len(self.late) else KNOWN
        return max(KNOWN, late, (frame + self.delay) // self.frames)

    @property
    def delay_samples(self) -> Fraction:
        """The delay in samples of the input."""
        return self.delay / self.time.rate


@dataclass(frozen=True)
class Mirror:
    """A padding with frames of the stream: its `value` does not hold them, so its readers take them from `source`.

    Attributes:
        source: the frames without padding, ``left`` frames later than the padded ones.
        mode: ``edge`` repeats the first and the last frame, ``reflect`` those next to them.
        left: frames before the first one.
        right: frames after the last one.
    """

    source: Track
    mode: str
    left: int
    right: int

    @property
    def late(self) -> Late:
        """The hop in which each of the first padded frames is final."""
        reflected = self.mode == "reflect"
        repeated = (self.left - m if reflected else 0 for m in range(self.left))
        return *map(self.source.final, repeated), *self.source.late

    @property
    def reach(self) -> int:
        """Distance from the last padded frame back to the frame that it repeats."""
        return 2 * self.right if self.mode == "reflect" else self.right


@dataclass(frozen=True)
class Square:
    """Attention scores or weights: queries of one hop by the keys that any of them attends to.

    Row r and column c of hop h are the query ``h * frames - delay + r`` and the key
    ``h * frames - delay - past + c``.

    Attributes:
        value: in the hop graph.
        offline: the value of the offline network, with two time axes.
        scores: the product of queries and keys that it comes from.
        axes: of queries and of keys.
        shape: of one hop.
        delay: of the queries, in frames.
        past: frames before a query that it attends to.
        ahead: frames after a query that it attends to.
        cause: name of the node where the delay last grew.
    """

    value: ir.Value
    offline: ir.Value
    scores: ir.Value
    axes: tuple[TimeAxis, ...]
    shape: tuple[int, ...]
    delay: int
    past: int
    ahead: int
    cause: str | None

    @property
    def rows(self) -> TimeAxis:
        """The axis of the queries."""
        return self.axes[0]

    @property
    def cols(self) -> TimeAxis:
        """The axis of the keys."""
        return self.axes[1]
