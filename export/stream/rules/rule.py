"""`StreamingRule`: the facts about one operator along time."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import onnx_ir as ir

from edgekit.export.stream.rewrite import Rewriter
from edgekit.export.stream.tensor_timing import TimeAxis
from edgekit.export.stream.track import Track


@dataclass(frozen=True)
class Growth:
    """Shapes of a node's inputs and outputs at one length, and the axis along which each grows."""

    read: tuple[int, ...]
    made: tuple[int, ...]
    read_axis: int
    made_axis: int


def needs_same_frames(node: ir.Node, time: TimeAxis, made: TimeAxis, need: int) -> int:
    """Return the same reach as the output's at the same rate; at another rate all frames."""
    return need if time.rate == made.rate else time.offset


@dataclass(frozen=True)
class StreamingRule:
    """A row of the table.

    Attributes:
        name: of the operator.
        rewrite: writes the nodes of one hop for a node, and ends with `Rewriter.set`.
        needs: up to which frame an input is read, counted from ``rate * samples``: from the node, the time axes of
            the input and the output, and up to which frame the output is read.
        ratio: frames of the output per frame of the input.
        reads_window: whether a node calls `Rewriter.window` for its first input, and adds no padding to it.
        domain: of the operator.
    """

    name: str
    rewrite: Callable[[Rewriter, ir.Node], None]
    needs: Callable[[ir.Node, TimeAxis, TimeAxis, int], int] = needs_same_frames
    ratio: Callable[[ir.Node, Growth], Fraction] = lambda node, growth: Fraction(1)
    reads_window: Callable[[ir.Node, Track], bool] = lambda node, track: False
    domain: str = ""
