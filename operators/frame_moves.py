"""Frame data movement with the quantizers before or after it, so that it moves integers.

That is exact, since moving elements and rounding each to a grid commute. Networks that other tools
quantized need it, and layers whose result is reshaped before it is quantized.
"""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from edgekit.graph.model import Model
from edgekit.graph.nodes import is_read
from edgekit.operators.roles import activations, constant, element_outputs, is_move


@dataclass(frozen=True)
class Grid:
    """Scale and zero point as a Q or DQ node reads them, and the type of its integers."""

    scale: ir.Value
    zero: ir.Value
    dtype: ir.DataType

    @staticmethod
    def of(node: ir.Node) -> "Grid | None":
        """Return the grid of a node; None if it is computed."""
        scale, zero = (*node.inputs[1:3], None)[:2]
        if scale is None or zero is None or zero.dtype is None:
            return None
        known = constant(scale) is not None and constant(zero) is not None
        return Grid(scale, zero, zero.dtype) if known else None

    def equals(self, other: "Grid | None") -> bool:
        """Whether the numbers are the same."""
        return other is not None and all(
            mine.const_value is not None
            and theirs.const_value is not None
            and mine.dtype == theirs.dtype
            and np.array_equal(mine.const_value.numpy(), theirs.const_value.numpy())
            for mine, theirs in ((self.scale, other.scale), (self.zero, other.zero))
        )


def frame_moves(model: Model) -> Model:
    """Return the model with Q/DQ pairs at both ends of every movement that has them at one end."""
    copy = model.ir.clone()
    graph = copy.graph
    for node in list(graph):
        if is_move(node):
            _forward(graph, node)
    for node in reversed(list(graph)):
        if is_move(node):
            _backward(graph, node)
    return Model(copy)


def _forward(graph: ir.Graph, node: ir.Node) -> None:
    """Quantize the outputs of a movement of dequantized values, on the grid of its operands."""
    read = activations(node)
    grid = _common([_read_grid(value) for value in read])
    joined = sum(v is not None and v.dtype == ir.DataType.FLOAT for v in node.inputs)
    written = [value for value in element_outputs(node) if value.uses()]
    if grid is None or joined != len(read) or not all(map(_is_unframed, written)):
        return
    for value in written:
        users = [(user.node, user.idx) for user in value.uses()]
        real = _pair(graph, value, grid, f"{value.name}_framed")
        for user, index in users:
            user.replace_input_with(index, real)


def _is_unframed(value: ir.Value) -> bool:
    """Whether a value stays inside the graph, and is not quantized."""
    return not value.is_graph_output() and _written_grid(value) is None


def _backward(graph: ir.Graph, node: ir.Node) -> None:
    """Quantize the operands of a movement, on the grid of its results."""
    written = [value for value in element_outputs(node) if is_read(value)]
    grid = _common([_written_grid(value) for value in written])
    if grid is None:
        return
    for index, value in enumerate(node.inputs):
        if value in activations(node) and value is not None and _read_grid(value) is None:
            name = f"{value.name}_{node.name}_{index}"
            node.replace_input_with(index, _pair(graph, value, grid, name))


def _pair(graph: ir.Graph, value: ir.Value, grid: Grid, name: str) -> ir.Value:
    """Return `value` quantized and dequantized."""
    q = ir.node("QuantizeLinear", [value, grid.scale, grid.zero], name=f"{name}_quantize")
    inputs = [q.outputs[0], grid.scale, grid.zero]
    real = ir.node("DequantizeLinear", inputs, name=f"{name}_dequantize")
    for node, dtype in ((q, grid.dtype), (real, ir.DataType.FLOAT)):
        node.outputs[0].name = f"{node.name}d"
        node.outputs[0].shape, node.outputs[0].type = value.shape, ir.TensorType(dtype)
    producer = value.producer()
    if producer is None:
        graph.insert_before(next(iter(graph)), [q, real])
    else:
        graph.insert_after(producer, [q, real])
    return real.outputs[0]


def _common(grids: list[Grid | None]) -> Grid | None:
    first = grids[0] if grids else None
    return first if first is not None and all(first.equals(grid) for grid in grids) else None


def _read_grid(value: ir.Value) -> Grid | None:
    """Return the grid of a computed value that comes from integers."""
    producer = value.producer()
    if producer is None or producer.op_type != "DequantizeLinear":
        return None
    return None if constant(producer.inputs[0]) is not None else Grid.of(producer)


def _written_grid(value: ir.Value) -> Grid | None:
    """Return the grid on which a value is quantized, if a quantizer is its only reader."""
    users = list(value.uses())
    if value.is_graph_output() or len(users) != 1 or users[0].node.op_type != "QuantizeLinear":
        return None
    return Grid.of(users[0].node)
