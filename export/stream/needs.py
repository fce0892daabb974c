"""How far every tensor is read: a convolution whose last frames are cut off needs no right padding."""

from collections.abc import Callable

import onnx_ir as ir

from edgekit.export.stream.tensor_timing import Facts, TimeAxis
from edgekit.export.stream.windows import ENDLESS, SlidingWindow, pads_of, slice_of, sliding_of
from edgekit.graph.nodes import attribute, static_shape

Need = Callable[[ir.Node, TimeAxis, TimeAxis, int], int]


def find_needs(graph: ir.Graph, facts: Facts) -> dict[ir.Value, int]:
    """Return the offset n for which the frames below ``rate * samples + n`` of a value are read.

    Values that nobody reads are left out.
    """
    needs: dict[ir.Value, int] = {}
    for output in graph.outputs:
        if (whole := facts.time(output)) is not None:
            needs[output] = whole.offset
    for node in reversed(list(graph)):
        for value in node.inputs:
            time = facts.time(value)
            if value is None or time is None:
                continue
            for output in node.outputs:
                made = facts.time(output)
                if made is None:
                    wanted = time.offset
                elif output in needs:
                    rule = NEEDS.get(node.op_type, _needs_same_frames)
                    wanted = min(time.offset, rule(node, time, made, needs[output]))
                else:
                    continue
                needs[value] = max(needs.get(value, wanted), wanted)
    return needs


def _needs_same_frames(node: ir.Node, time: TimeAxis, made: TimeAxis, need: int) -> int:
    return need if time.rate == made.rate else time.offset


def _slice(node: ir.Node, time: TimeAxis, made: TimeAxis, need: int) -> int:
    cut = slice_of(node, time.axis, ENDLESS)
    if cut is None or cut.step != 1 or cut.start > ENDLESS // 2:
        return time.offset
    return need + cut.start


def _pad(node: ir.Node, time: TimeAxis, made: TimeAxis, need: int) -> int:
    return need - pads_of(node, time.axis)[0]


def _needs_of_window(node: ir.Node, time: TimeAxis, made: TimeAxis, need: int) -> int:
    if time.axis < 2:
        return need
    window: SlidingWindow = sliding_of(node, time.axis)
    return (need - 1) * window.stride + window.reach - window.left + 1


def _needs_of_transposed_conv(node: ir.Node, time: TimeAxis, made: TimeAxis, need: int) -> int:
    if time.axis < 2:
        return need
    window = sliding_of(node, time.axis)
    return (need - 1 + window.left) // window.stride + 1


def _concat(node: ir.Node, time: TimeAxis, made: TimeAxis, need: int) -> int:
    rank = len(static_shape(node.outputs[0]) or ())
    return need if int(attribute(node, "axis", 0)) % rank != made.axis else time.offset


NEEDS: dict[str, Need] = {
    "Slice": _slice,
    "Pad": _pad,
    "Conv": _needs_of_window,
    "MaxPool": _needs_of_window,
    "AveragePool": _needs_of_window,
    "ConvTranspose": _needs_of_transposed_conv,
    "Concat": _concat,
}
