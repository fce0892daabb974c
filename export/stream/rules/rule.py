"""`StreamingRule`: the facts about one operator along time."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import onnx_ir as ir

from edgekit.export.stream.rewrite import Rewriter
from edgekit.export.stream.tensor_timing import TimeAxis
from edgekit.export.stream.track import Span, Track

Needs = Callable[[ir.Node, TimeAxis, TimeAxis, Span], Span]


@dataclass(frozen=True)
class Growth:
    """Shapes of a node's inputs and outputs at one length, and the axis along which each grows."""

    read: tuple[int, ...]
    made: tuple[int, ...]
    read_axis: int
    made_axis: int


def needs_same_frames(node: ir.Node, time: TimeAxis, made: TimeAxis, read: Span) -> Span:
    """Return the frames of the output at the same rate; at another rate all frames."""
    return read if time.rate == made.rate else Span(0, time.offset)


def needs_past_frames(node: ir.Node, time: TimeAxis, made: TimeAxis, read: Span) -> Span:
    """Return the frames of the output and all before them at the same rate; at another rate all frames."""
    return Span(0, needs_same_frames(node, time, made, read).end)


@dataclass(frozen=True)
class StreamingRule:
    """A row of the table.

    Attributes:
        name: of the operator.
        rewrite: writes the nodes of one hop for a node, and ends with `Rewriter.set`.
        needs: which frames of an input are read: from the node, the time axes of the input and the output, and
            which frames of the output are read. Frames that the input does not have may be among them.
        ratio: frames of the output per frame of the input.
        reads_window: whether a node calls `Rewriter.window` for its first input, and reads no padding of its own:
            from the node, the stream, the time axis of the output and which of its frames are read.
        domain: of the operator.
        late: whether it takes streams that hold frames again, see `late`.
    """

    name: str
    rewrite: Callable[[Rewriter, ir.Node], None]
    needs: Needs = needs_past_frames
    ratio: Callable[[ir.Node, Growth], Fraction] = lambda node, growth: Fraction(1)
    reads_window: Callable[[ir.Node, Track, TimeAxis, Span], bool] = lambda *_: False
    domain: str = ""
    late: bool = False
