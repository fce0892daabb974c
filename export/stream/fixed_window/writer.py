"""`WindowWriter`: the graph of one hop of a window, tensor by tensor: its newest frames, or all of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import onnx_ir as ir

from edgekit.export.stream.hopgraph import HopGraph
from edgekit.graph.facts import facts_of
from edgekit.graph.nodes import array_of, static_shape

ON_GRID = ("Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten")  # leave integers on a scale


@dataclass(frozen=True)
class Newest:
    """The newest `count` frames of a tensor that has `size` frames along `axis` in a window.

    A hop brings all of them, and the window moves on by as many. `value` is in the graph of the hop.
    """

    value: ir.Value
    axis: int
    size: int
    count: int


class WindowWriter:
    """The graph of a hop while it grows.

    Attributes:
        new: the graph.
        newest: the tensors of the network of which a hop computes the newest frames.
        wholes: the tensors of which it has all frames.
        fixed: those of them that follow from constants alone.
    """

    def __init__(self, hop: int, opsets: dict[str, int]) -> None:
        """Start without a node."""
        self.new = HopGraph(hop, opsets)
        self.newest: dict[ir.Value, Newest] = {}
        self.wholes: dict[ir.Value, ir.Value] = {}
        self.fixed: set[ir.Value] = set()
        self._windows: dict[tuple[ir.Value, int], ir.Value] = {}

    def add_input(self, value: ir.Value, axis: int | None) -> None:
        """Add an input, with the frames of a hop where it has a time axis."""
        shape, name = list(static_shape(value) or ()), str(value.name)
        if axis is None:
            self.wholes[value] = self.new.input(name, shape, value.dtype)
            return
        shape[axis] = self.new.hop
        self.record(value, self.new.input(name, shape, value.dtype), axis, self.new.hop)

    def record(self, value: ir.Value, made: ir.Value, axis: int, count: int) -> None:
        """Say what a tensor is: its newest frames, or all of them where a window has no more."""
        size = (static_shape(value) or ())[axis]
        if count >= size:
            self.wholes[value] = made
        else:
            self.newest[value] = Newest(made, axis, size, count)

    def copy_whole(self, node: ir.Node) -> None:
        """Add a node that computes all frames of the window."""
        inputs = [None if value is None else self.whole(value) for value in node.inputs]
        self.wholes.update(zip(node.outputs, self.new.copy(node, inputs), strict=True))
        given = [value for value in node.inputs if value is not None]
        if all(map(self.is_fixed, given)) and not facts_of(node).random:
            self.fixed.update(node.outputs)

    def is_fixed(self, value: ir.Value) -> bool:
        """Whether a tensor is the same in every hop."""
        return value in self.fixed or value.const_value is not None

    def output(self, value: ir.Value) -> ir.Value:
        """Return an output of the network, with all of its frames."""
        made = self.new.one(f"{value.name}.output", "Identity", self.whole(value))
        made.name, made.shape, made.type = value.name, value.shape, value.type
        return made

    def whole(self, value: ir.Value) -> ir.Value:
        """Return all frames of a tensor, or a constant."""
        if value not in self.wholes:
            if value in self.newest:
                self.wholes[value] = self.frames(value, self.newest[value].size)
            else:
                array = array_of(value)
                assert array is not None, value.name
                self.wholes[value] = self.new.constant(array, str(value.name), array.dtype)
        return self.wholes[value]

    def operand(self, value: ir.Value | None) -> ir.Value | None:
        """Return the newest frames of an operand, or a constant."""
        if value is None or value not in self.newest:
            return value and self.whole(value)
        return self.newest[value].value

    def frames(self, value: ir.Value, count: int) -> ir.Value:
        """Return the newest `count` frames of a tensor; a state holds those of hops before."""
        held = self.newest[value]
        if count == held.count:
            return held.value
        if count < held.count:
            start, name = held.count - count, f"{value.name}.newest"
            return self.new.slice(held.value, held.axis, start, held.count, name)
        key = value, count
        if key not in self._windows:
            self._windows[key] = self._window(value, held, count - held.count)
        return self._windows[key]

    def _window(self, value: ir.Value, held: Newest, past: int) -> ir.Value:
        """Return the newest frames after `past` others, which a state holds: on the grid of their integers."""
        new, name, frames = self.new, str(value.name), held.value
        is_float = value.dtype == ir.DataType.FLOAT
        if not is_float:
            frames = new.one(f"{name}.float", "Cast", frames, to=ir.DataType.FLOAT)
        shape = list(static_shape(value) or ())
        shape[held.axis] = past
        grid = grid_of(value)
        state = new.state(name, shape)
        before = self._on_grid(state, grid, f"{name}.past")
        whole = new.one(f"{name}.window", "Concat", before, frames, axis=held.axis)
        whole = self._on_grid(whole, grid, f"{name}.window")
        kept = new.slice(whole, held.axis, held.count, held.count + past, f"{name}.keep")
        new.carry(state, self._on_grid(kept, grid, f"{name}.keep"))
        return whole if is_float else new.one(f"{name}.back", "Cast", whole, to=value.dtype)

    def _on_grid(self, value: ir.Value, grid: Sequence[ir.Value], name: str) -> ir.Value:
        """Return a value between quantizers with the parameters `grid`, where there are some."""
        if not grid:
            return value
        parameters = [self.whole(parameter) for parameter in grid]
        integers = self.new.one(f"{name}.integers", "QuantizeLinear", value, *parameters)
        return self.new.one(f"{name}.reals", "DequantizeLinear", integers, *parameters)


def grid_of(value: ir.Value) -> list[ir.Value]:
    """Return scale and zero point of the integers that a value is made of; none where it is not."""
    node = value.producer()
    while node is not None and node.op_type in ON_GRID and node.inputs[0] is not None:
        node = node.inputs[0].producer()
    if node is None or node.op_type != "DequantizeLinear":
        return []
    scale = array_of(node.inputs[1])
    if scale is None or scale.size != 1:
        return []
    return [value for value in node.inputs[1:] if value is not None]
