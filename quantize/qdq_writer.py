"""Write the integers of a plan into a graph: Q/DQ pairs around tensors, weights and biases as integer initializers."""

from itertools import chain

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from edgekit.base.arrays import Array, Float32
from edgekit.graph.facts import facts_of
from edgekit.graph.nodes import remove_unread_constants
from edgekit.operators.geometry import dims, optional
from edgekit.operators.qdq import CELL_BITS, HIDDEN_OPERAND, initializer
from edgekit.operators.roles import (
    ARITHMETIC,
    activations,
    constant,
    fused_activation,
    is_cell_state,
    results,
)
from edgekit.operators.scheme import (
    HIDDEN_INT8_TYPE,
    HIDDEN_TYPE,
    QuantType,
    activation_type,
    least_scales,
    quantize_weights,
    weight_scales,
)
from edgekit.operators.weight_layout import (
    channel_rows,
    from_channel_rows,
    output_axis,
    transposed_groups,
)
from edgekit.quantize.calibrate.observers import Observer
from edgekit.quantize.recipe import Recipe
from edgekit.quantize.rounding.fitted_weights import Fitted, FittedWeight
from edgekit.quantize.types.choose import TypePlan
from edgekit.quantize.types.operands import read_type
from edgekit.quantize.types.weights import refuse_infinite, weight_inputs, weight_type


class QdqWriter:
    """Inserts the Q/DQ pairs of a plan into a graph that it owns."""

    def __init__(
        self,
        graph: ir.Graph,
        plan: TypePlan,
        observers: dict[str, Observer],
        recipe: Recipe,
        fitted: Fitted,
    ) -> None:
        """Store the graph, and the decisions on its tensors and weights."""
        self.graph, self.plan, self.observers, self.recipe = graph, plan, observers, recipe
        self.fitted = fitted
        self.copies: dict[tuple[str, str], ir.Value] = {}

    def write(self) -> None:
        """Write weights, then the pairs of every tensor."""
        nodes = [node for node in self.graph if node.name in self.plan.integer_nodes]
        inside = {node.outputs[0] for node in nodes if fused_activation(node)}
        written = set(chain(*map(results, nodes))) - inside
        read = set(chain(*map(activations, nodes))) - inside
        tensors = sorted(read | written, key=lambda value: str(value.name))
        users = {value: list(value.uses()) for value in tensors}
        refuse_infinite(nodes)
        for node in nodes:
            self._weights(node)
        for value, uses in users.items():
            for user in uses:
                self._frame_use(value, user.node, user.idx, value in written)
        for value in tensors:
            if value in written and value.is_graph_output():
                self._graph_output(value)
        remove_unread_constants(self.graph)
        self.graph.sort()

    def _frame_use(self, value: ir.Value, node: ir.Node, index: int, is_written: bool) -> None:
        """Put Q/DQ before an integer reader, or before any reader of an integer node's value."""
        kind = self.plan.types[str(value.name)]
        is_operand = node.name in self.plan.integer_nodes and not is_cell_state(node, index)
        if is_operand or is_written:
            operand = self._read(node, index) if is_operand else kind
            node.replace_input_with(index, self._pair(value, kind, operand))

    def _read(self, node: ir.Node, index: int) -> QuantType:
        return read_type(node, index, self.plan, self.observers, self.recipe)

    def _pair(self, value: ir.Value, kind: QuantType, operand: QuantType) -> ir.Value:
        """Return the dequantized form of a tensor stored as `kind` and read as `operand`."""
        key = (str(value.name), operand.dtype)
        if key not in self.copies:
            if operand == kind:
                self.copies[key] = self.q_dq(value, kind, f"{value.name}_dq")
            else:
                stored = self._pair(value, kind, kind)
                self.copies[key] = self.q_dq(stored, operand, f"{value.name}_{operand.dtype}_dq")
        return self.copies[key]

    def q_dq(self, value: ir.Value, kind: QuantType, name: str) -> ir.Value:
        """Append a pair; return its result, of this name."""
        dtype = ir.DataType[kind.dtype.upper()]
        stem = name.removesuffix("_dq")
        scale = self.initializer(f"{stem}_scale", np.float32(kind.scale))
        zero = self.initializer(f"{stem}_zero_point", np.dtype(kind.dtype).type(kind.zero_point))
        q = ir.val(f"{stem}_q", dtype, value.shape)
        real = ir.val(name, ir.DataType.FLOAT, value.shape)
        self.graph.extend(
            [
                ir.node(
                    "QuantizeLinear", [value, scale, zero], outputs=[q], name=f"{stem}_quantize"
                ),
                ir.node(
                    "DequantizeLinear", [q, scale, zero], outputs=[real], name=f"{stem}_dequantize"
                ),
            ]
        )
        return real

    def _graph_output(self, value: ir.Value) -> None:
        kind, name = self.plan.types[str(value.name)], str(value.name)
        real = self._pair(value, kind, kind)
        value.name, real.name = f"{name}_raw", name
        for i, output in enumerate(self.graph.outputs):
            if output is value:
                self.graph.outputs[i] = real

    def _weights(self, node: ir.Node) -> None:
        facts = facts_of(node)
        if facts.cell is not None:
            _write_recurrent(self, node)
        elif facts.bias is not None:
            _write_linear(self, node, facts.bias)
        elif node.op_type in ARITHMETIC:
            dtype = self._width(node)
            for index, value in enumerate(node.inputs):
                array = constant(value)
                if array is not None:
                    kind = activation_type(dtype, float(array.min()), float(array.max()))
                    stem = f"{node.name}.operand{index}_q"
                    q, scale = kind.quantize(array), np.float32(kind.scale)
                    node.replace_input_with(index, self.stored(stem, q, scale, kind.zero_point))

    def _width(self, node: ir.Node) -> str:
        """Return the wider of the types that a node reads and writes: that of its constants."""
        fused = fused_activation(node)
        values = [*activations(node), *(node if fused is None else fused).outputs]
        wide = any(self.plan.types[str(value.name)].dtype == "int16" for value in values)
        return "int16" if wide else "int8"

    def input_type(self, node: ir.Node) -> QuantType:
        """Return the type in which a layer reads its input."""
        return self._read(node, 0)

    def rounded(
        self, rows: Array, bias: Array | None, x: QuantType, fitted: FittedWeight | None, dtype: str
    ) -> tuple[Array, Float32]:
        """Weights (channel, ...) as integers of a type, and their scales: fitted ones, or the nearest.

        A fitted channel whose bias needs a larger scale is rounded to the nearest.
        """
        scales = weight_scales(rows, bias, x, dtype)
        q = quantize_weights(rows, scales, dtype)
        if fitted is not None:
            keeps = fitted.scales >= least_scales(rows, bias, x, dtype)
            scales = np.where(keeps, fitted.scales, scales).astype(np.float32)
            column = keeps.reshape(-1, *[1] * (rows.ndim - 1))
            q = np.where(column, fitted.q.reshape(rows.shape), q)
        return q.astype(ir.DataType[dtype.upper()].numpy()), scales

    def stored(
        self,
        name: str,
        q: NDArray[np.signedinteger],
        scale: Float32 | np.float32,
        zero: int | None = None,
        **attributes: int,
    ) -> ir.Value:
        """Add an integer initializer and its DequantizeLinear; return the real value.

        `attributes` are the operator's: the axis of its scales, and the elements that share one.
        """
        inputs = [self.initializer(name, q), self.initializer(f"{name}_scale", scale)]
        if zero is not None:
            inputs.append(self.initializer(f"{name}_zero_point", q.dtype.type(zero)))
        real = ir.val(f"{name}_dq", ir.DataType.FLOAT, q.shape)
        self.graph.append(
            ir.node(
                "DequantizeLinear", inputs, attributes, outputs=[real], name=f"{name}_dequantize"
            )
        )
        return real

    def initializer(self, name: str, array: NDArray[np.generic] | np.generic) -> ir.Value:
        """Return the constant of this name, made on first use."""
        value = self.graph.initializers.get(name)
        if value is None:
            value = initializer(name, np.asarray(array))
            self.graph.register_initializer(value)
        return value


def _write_linear(writer: QdqWriter, node: ir.Node, bias_at: int) -> None:
    """Write weights per output channel; with int8 inputs the bias is int32 at scale input * weight, else unchanged."""
    weight = constant(node.inputs[1])
    assert weight is not None, node.name
    rows, x = channel_rows(node, weight), writer.input_type(node)
    fitted = writer.fitted.get((str(node.name), 1))
    shift = None if fitted is None else fitted.shift
    bias = _bias_rows(constant(optional(node, bias_at)), len(rows), shift)
    q_rows, scales = writer.rounded(rows, bias, x, fitted, weight_type(node, 1, writer.recipe))
    q = from_channel_rows(node, q_rows, weight.shape)
    node.replace_input_with(1, _stored_weight(writer, node, q, scales))
    if bias is None:
        return
    node.resize_inputs(bias_at + 1)
    if x.dtype == "int8":
        bias_scale = (np.float64(x.scale) * scales.astype(np.float64)).astype(np.float32)
        steps = np.rint(bias.astype(np.float64) / bias_scale.astype(np.float64))
        stored = writer.stored(f"{node.name}.bias_q", steps.astype(np.int32), bias_scale, axis=0)
        node.replace_input_with(bias_at, stored)
    elif shift is not None:
        real = bias.astype(np.float32)
        node.replace_input_with(bias_at, writer.initializer(f"{node.name}.bias", real))


def _bias_rows(bias: Array | None, rows: int, shift: Array | None) -> Array | None:
    """Return a number for each row: the layer's bias plus its correction, if there is either."""
    own = None if bias is None else np.broadcast_to(np.ravel(bias), (rows,))
    if shift is None:
        return own
    return np.asarray(shift + (0.0 if own is None else own.astype(np.float64)))


def _stored_weight(
    writer: QdqWriter, node: ir.Node, q: NDArray[np.signedinteger], scales: Float32
) -> ir.Value:
    """Append the integers of a layer's weight and its scales: of a grouped transposed one in blocks."""
    name, groups = f"{node.name}.weight_q", transposed_groups(node)
    if groups == 1:
        return writer.stored(name, q, scales, axis=output_axis(node))
    column = scales.reshape(-1, 1, *[1] * (q.ndim - 2))
    spread = np.broadcast_to(column, (len(scales), 1, *q.shape[2:]))
    blocks = from_channel_rows(node, spread, (groups, *q.shape[1:]))
    return writer.stored(name, q, blocks, axis=0, block_size=len(q) // groups)


def _write_recurrent(writer: QdqWriter, node: ir.Node) -> None:
    """W and R per gate row; biases stay float in the file, they are added to the integer sums."""
    bias, rows = constant(optional(node, 3)), dims(node.inputs[1])[1]
    if node.op_type == "LSTM":
        node.metadata_props[CELL_BITS] = str(writer.plan.cell_bits[str(node.name)])
    both = np.zeros((2, rows), np.float32) if bias is None else bias[0].reshape(2, rows).copy()
    wide = any(value.name in writer.plan.wide for value in results(node))
    hidden = HIDDEN_TYPE if wide else HIDDEN_INT8_TYPE
    node.metadata_props[HIDDEN_OPERAND] = hidden.dtype
    _write_product(writer, node, 1, both[0], writer.input_type(node))
    _write_product(writer, node, 2, both[1], hidden)
    if writer.recipe.bias_correction:
        node.resize_inputs(max(len(node.inputs), 4))
        node.replace_input_with(3, writer.initializer(f"{node.name}.bias", both.reshape(1, -1)))


def _write_product(
    writer: QdqWriter, node: ir.Node, index: int, bias: Float32, kind: QuantType
) -> None:
    """Write W or R of a recurrent layer for an operand of this type; corrections of its sums are added to `bias`."""
    weight = constant(node.inputs[index])
    assert weight is not None and weight.shape[0] == 1, node.name
    fitted = writer.fitted.get((str(node.name), index))
    if fitted is not None and fitted.shift is not None:
        bias += fitted.shift.astype(np.float32)
    dtype = weight_type(node, index, writer.recipe)
    q, scales = writer.rounded(weight[0], bias, kind, fitted, dtype)
    if index not in weight_inputs(node):  # the identity
        q, scales = weight[0].astype(np.int8), np.ones(len(bias), np.float32)
    name = f"{node.name}.{'wr'[index - 1]}_q"
    node.replace_input_with(index, writer.stored(name, q[None], scales, axis=1))
