"""`PairScan`: a parallel scan, whose nodes follow the length of the input, rolled back into a step.

A scan joins neighbours with an associative operator: two by two in a tree (Blelloch 1990), or over distances that
double (Kogge and Stone 1973). On two frames every grouping joins the first with the second. So
the scan's form at two frames, with the last result in place of the first frame, is its step. Whether that holds is
tested on random frames here, and proved with the whole network later.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from edgekit.export.loops.body import Body
from edgekit.export.loops.constants import constant
from edgekit.export.loops.node import LoopNode
from edgekit.export.loops.regions import NoScan, Region, region_of
from edgekit.export.loops.source_lines import SourceLines
from edgekit.graph.nodes import static_shape


@dataclass(frozen=True)
class PairScan:
    """A scan by its form at two frames.

    Attributes:
        lines: of its source.
        pair: its nodes at two frames.
        axes: the time axis of each input of the region; None of those without.
        made: the time axis of each output.
        carried: number of an input -> number of the output that takes the place of its first frame.
        from_zero: whether a state of zeros leaves the first frame as it is.
    """

    lines: SourceLines
    pair: Region
    axes: Sequence[int | None]
    made: Sequence[int]
    carried: Mapping[int, int]
    from_zero: bool

    def replace(self, model: ir.Model) -> None:
        """Put the loop in place of the scan at another length, in place.

        Raises:
            NoScan: the region has other inputs or outputs at this length.
        """
        graph, region = model.graph, region_of(model.graph, self.lines)
        if (len(region.inputs), len(region.outputs)) != (len(self.axes), len(self.made)):
            raise NoScan("reads a different set of tensors at another length")
        body, place = Body(), region.nodes[-1]
        loop = self._loop(body, graph, region)
        place = max(region.nodes, key=list(graph).index)
        outputs = loop.write(model, place)
        for old, new in zip(region.outputs, outputs, strict=True):
            new.shape, new.type = old.shape, old.type
            _take_over(graph, place, old, new)

    def _loop(self, body: Body, graph: ir.Graph, region: Region) -> LoopNode:
        past, now = dict[int, ir.Value](), dict[int, ir.Value]()
        items = list[tuple[ir.Value, ir.Value, int]]()
        states = list[tuple[ir.Value, ir.Value, ir.Value]]()
        for number, (value, axis) in enumerate(zip(self.pair.inputs, self.axes, strict=True)):
            if axis is None:
                now[number] = body.outside(region.inputs[number])
                continue
            shape = list(static_shape(value) or ())
            item = body.input(value, "frame", [*shape[:axis], *shape[axis + 1 :]])
            items.append((item, region.inputs[number], axis))
            one = _like(value, axis, 1)
            now[number] = body.add("Unsqueeze", item, body.integers(axis), like=one)
            if number in self.carried:
                past[number] = body.input(one, "state")
        results = self._frames(body, now | past, now, 1)
        if not self.from_zero:
            alone = self._frames(body, now, now, 0)
            flag = body.first()
            results = [
                body.add("Where", flag, first, later, like=later)
                for first, later in zip(alone, results, strict=True)
            ]
        for number, state in past.items():
            start = constant(graph, np.zeros(static_shape(state) or (), np.float32), "start")
            states.append((state, start, results[self.carried[number]]))
        return LoopNode(body, states, items, self._squeeze_frames(body, results))

    def _squeeze_frames(self, body: Body, frames: Sequence[ir.Value]) -> list[tuple[ir.Value, int]]:
        """Return one frame of each output without its time axis, and that axis."""
        made = []
        for value, axis in zip(frames, self.made, strict=True):
            shape = list(static_shape(value) or ())
            del shape[axis]
            like = ir.Value(name="", shape=ir.Shape(shape), type=value.type)
            made.append((body.add("Squeeze", value, body.integers(axis), like=like), axis))
        return made

    def _frames(
        self, body: Body, first: Mapping[int, ir.Value], second: Mapping[int, ir.Value], frame: int
    ) -> list[ir.Value]:
        """Return one frame of each output for two frames of each input."""
        made: dict[ir.Value, ir.Value] = {}
        for number, (value, axis) in enumerate(zip(self.pair.inputs, self.axes, strict=True)):
            made[value] = second[number]
            if axis is not None:
                pair = first[number], second[number]
                made[value] = body.add("Concat", *pair, like=value, axis=axis)
        made = body.clone_all(self.pair.nodes, made)
        results = []
        for value, axis in zip(self.pair.outputs, self.made, strict=True):
            bounds = [body.integers(n) for n in (frame, frame + 1, axis)]
            whole = made[value]
            results.append(body.add("Slice", whole, *bounds, like=_like(value, axis, 1)))
        return results


def _like(value: ir.Value, axis: int, frames: int) -> ir.Value:
    shape = list(static_shape(value) or ())
    shape[axis] = frames
    return ir.Value(name="", shape=ir.Shape(shape), type=value.type)


def _take_over(graph: ir.Graph, place: ir.Node, old: ir.Value, new: ir.Value) -> None:
    if old.is_graph_output():
        node = ir.node("Identity", [new], name=f"{place.name}.scanned")
        graph.insert_before(place, node)
        name, (output,) = old.name, node.outputs
        output.shape, output.type = old.shape, old.type
        old.replace_all_uses_with(output, replace_graph_outputs=True)
        old.name, output.name = f"{name}.scan", name
    else:
        old.replace_all_uses_with(new)
