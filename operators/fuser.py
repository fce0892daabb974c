"""The walk from a QDQ graph to one of integers; builders of operators read it and add to it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from edgekit.graph.model import Model
from edgekit.graph.nodes import is_unread
from edgekit.operators.qdq import (
    INTEGER_DOMAIN,
    TENSOR,
    Frame,
    Operand,
    Weight,
    convert,
    frame_of,
    initializer,
    integer_states,
    mark_type,
    output_attributes,
    qdq_type,
    require,
    stored_weight,
)
from edgekit.operators.roles import JOINING, activations, constant, element_outputs, is_move
from edgekit.operators.scheme import MANTISSA_BITS, QuantType, fixed_point


@dataclass(frozen=True)
class IntegerForm:
    """Integer form of an operator: which of its nodes have one, and how to build it from a framed node.

    `build` returns False if the frame is incomplete.
    """

    holds: Callable[[ir.Node], bool]
    build: Callable[["Fuser", ir.Node], bool]


def _refuse_all(_fuser: "Fuser", _node: ir.Node) -> bool:
    """Return False, for an operator without an integer form."""
    return False


class Fuser:
    """Builds the new graph in one pass over the QDQ graph; builders of operators read it."""

    def __init__(self, model: Model) -> None:
        """Store the QDQ model; it is not changed."""
        self.model = model
        self.nodes: list[ir.Node] = []
        self.initializers: dict[str, ir.Value] = {}
        self.weights: dict[ir.Value, Weight] = {}
        self._real: dict[ir.Value, ir.Value] = {}  # old float value -> new float value
        self._integer: dict[ir.Value, Operand] = {}  # old value with a type -> new integer
        self._consumed: set[ir.Node] = set()
        self._state_kinds = integer_states(model)

    def run(
        self, builders: Mapping[tuple[str, str], Callable[["Fuser", ir.Node], bool]]
    ) -> ir.Model:
        """Return the new graph as an ONNX IR model (not loadable by other runtimes), by builders of operators."""
        graph = self.model.ir.graph
        inputs = [self._graph_input(value) for value in graph.inputs]
        for node in graph:
            if node in self._consumed:
                continue
            if node.op_type == "DequantizeLinear":
                self._dequantize_linear(node)
            elif node.op_type == "QuantizeLinear":
                self._quantize_linear(node)
            elif not self._move(node) and not self._rows(node):
                build = builders.get((node.domain, node.op_type), _refuse_all)
                if not build(self, node):
                    self._copy(node)
        new = ir.Graph(
            inputs,
            self._graph_outputs(),
            nodes=self.nodes,
            initializers=list(self.initializers.values()),
            opset_imports={**graph.opset_imports, INTEGER_DOMAIN: 1},
            name=graph.name,
        )
        props = dict(self.model.ir.metadata_props)
        functions = [function.clone() for function in self.model.ir.functions.values()]
        return ir.Model(new, ir_version=10, functions=functions, metadata_props=props)

    # -- for builders ------------------------------------------------------------------------------

    def operand(self, value: ir.Value | None) -> Operand | None:
        """Return the integer form of an input of an old node: a tensor, or a stored constant; None of c of an LSTM."""
        if value is None:
            return None
        if value in self.weights:
            weight = self.weights[value]
            if weight.scale.size != 1:
                return None
            kind = QuantType(weight.q.dtype.name, float(weight.scale.ravel()[0]), weight.zero_point)
            return Operand(self.initializer(f"{value.name}_q", weight.q), kind)
        stored = self._integer.get(value)
        return stored if stored is None or stored.kind.dtype in MANTISSA_BITS else None

    def frame(self, node: ir.Node, index: int = 0) -> Frame | None:
        """Return the quantized frame of an output of a node."""
        return frame_of(node, index)

    def add(
        self,
        old: ir.Node,
        op_type: str,
        inputs: Sequence[ir.Value | None],
        framed: list[Frame],
        attributes: Mapping[str, object],
        cell: tuple[ir.Value, QuantType] | None = None,
    ) -> None:
        """Append an integer operator that writes the framed values; forget the nodes it replaces.

        `cell` is one more output, which has no Q/DQ in the file.
        """
        outputs = []
        for quantized, kind, fused in framed:
            outputs.append(self._stored(quantized, kind))
            producer = quantized.producer()
            self._consumed.update(n for n in (producer, fused) if n is not None)
        if cell is not None:
            outputs.append(self._unframed(*cell, f"{cell[0].name}_int32"))
        self.nodes.append(
            ir.node(
                op_type,
                inputs,
                convert(attributes),
                domain=INTEGER_DOMAIN,
                outputs=outputs,
                name=old.name,
            )
        )

    def state(self, value: ir.Value | None, kind: QuantType) -> ir.Value | None:
        """Return a recurrent cell's first state as integers of this type: constant, stored so, or quantized here."""
        if value is None:
            return None
        array = constant(value)
        if array is not None:
            return self.initializer(f"{value.name}_{kind.dtype}", kind.quantize(array))
        stored = self._integer.get(value)
        if stored is not None and stored.kind == kind:
            return stored.value
        new = ir.val(f"{value.name}_{kind.dtype}", ir.DataType[kind.dtype.upper()], value.shape)
        mark_type(new, kind)
        self._border("Quantize", self._new(value), new, kind, f"{new.name}_quantize")
        return new

    def forget(self, nodes: Sequence[ir.Node]) -> None:
        """Remove float nodes, copied already, whose work an integer operator does, and the border that feeds them."""
        names = {node.name for node in nodes}
        kept = set[ir.Node | None]([None])
        for node in reversed(self.nodes):
            unread = node.op_type == "Dequantize" and is_unread(node)
            if node.name not in names and not unread:
                kept.add(node)
                continue
            for index in range(len(node.inputs)):
                node.replace_input_with(index, None)
        self.nodes = [node for node in self.nodes if node in kept]
        self._real = {old: new for old, new in self._real.items() if new.producer() in kept}

    def initializer(self, name: str, array: NDArray[np.generic]) -> ir.Value:
        """Return the new graph's initializer of this name, made on first use."""
        if name not in self.initializers:
            self.initializers[name] = initializer(name, array)
        return self.initializers[name]

    def _stored(self, quantized: ir.Value, kind: QuantType) -> ir.Value:
        """Return the new integer value for an old quantized one, marked with its type and the tensor it stores."""
        new = ir.val(quantized.name, ir.DataType[kind.dtype.upper()], quantized.shape)
        mark_type(new, kind)
        new.metadata_props[TENSOR] = str(require(require(quantized.producer()).inputs[0]).name)
        self._integer[quantized] = Operand(new, kind)
        return new

    def _unframed(self, value: ir.Value, kind: QuantType, name: str) -> ir.Value:
        """Return the new integer value for an old float one that has no Q/DQ: c of an LSTM."""
        new = ir.val(name, ir.DataType[kind.dtype.upper()], value.shape)
        mark_type(new, kind)
        new.metadata_props[TENSOR] = str(value.name)
        self._integer[value] = Operand(new, kind)
        return new

    # -- one kind of old node each -------------------------------------------------------------------

    def _dequantize_linear(self, node: ir.Node) -> None:
        weight = stored_weight(node)
        if weight is not None:
            self.weights[node.outputs[0]] = weight
        else:
            stored = self._new(require(node.inputs[0]))
            self._integer[node.outputs[0]] = Operand(stored, qdq_type(node))

    def _quantize_linear(self, node: ir.Node) -> None:
        kind, old = qdq_type(node), require(node.inputs[0])
        stored = self.operand(old) if old in self._integer else None
        if stored is not None:
            new = self.requantized(stored, kind, f"{node.name}")
            self._integer[node.outputs[0]] = Operand(new, kind)
        else:
            source, new = self._new(old), self._stored(node.outputs[0], kind)
            self._border("Quantize", source, new, kind, str(node.name))

    def requantized(self, source: Operand, kind: QuantType, name: str) -> ir.Value:
        """Return an operand in another type: unchanged if it has that type, else through one more operator."""
        if source.kind == kind:
            return source.value
        new = ir.val(f"{name}_requantized", ir.DataType[kind.dtype.upper()], source.value.shape)
        mark_type(new, kind)
        bits = MANTISSA_BITS[source.kind.dtype]
        mult, shift = fixed_point(source.kind.scale / kind.scale, bits)
        attributes = {
            "x_zero": source.kind.zero_point,
            "mult": int(mult[0]),
            "shift": int(shift[0]),
            **output_attributes(kind),
        }
        node = ir.node(
            "Requantize",
            [source.value],
            convert(attributes),
            domain=INTEGER_DOMAIN,
            outputs=[new],
            name=name,
        )
        self.nodes.append(node)
        return new

    def widened(self, operand: Operand, name: str) -> Operand:
        """Return the same values as int16: of an int8 operand 128 times its distance from zero."""
        if operand.kind.dtype == "int16":
            return operand
        kind = QuantType("int16", operand.kind.scale / 128, 0)
        return Operand(self.requantized(operand, kind, name), kind)

    def _rows(self, node: ir.Node) -> bool:
        """Build a Gather of constant floats by computed indices: the constants are quantized, not its result."""
        table = constant(node.inputs[0]) if node.op_type == "Gather" else None
        framed = self.frame(node)
        if node.domain or table is None or table.dtype != np.float32 or framed is None:
            return False
        quantized, kind, fused = framed
        if fused is not None:
            return False
        self._consumed.add(require(quantized.producer()))
        rows = self.initializer(f"{require(node.inputs[0]).name}_{node.name}", kind.quantize(table))
        inputs = [rows, self._new(require(node.inputs[1]))]
        outputs = [self._stored(quantized, kind)]
        self.nodes.append(
            ir.node(node.op_type, inputs, dict(node.attributes), outputs=outputs, name=node.name)
        )
        return True

    def _move(self, node: ir.Node) -> bool:
        """A data movement between integers: the same operator, on integers of the output's type."""
        if not is_move(node):
            return False
        read, framed = activations(node), self._frames_alike(node)
        operands = [operand for value in read if (operand := self.operand(value)) is not None]
        if not read or len(operands) < len(read) or not framed:
            return False
        kind = framed[0][1]
        moved = {
            value: self.requantized(operand, kind, f"{node.name}.operand{i}")
            for i, (value, operand) in enumerate(zip(read, operands, strict=True))
        }
        outputs = []
        for quantized, _, _ in framed:
            self._consumed.add(require(quantized.producer()))
            outputs.append(self._stored(quantized, kind))
        for value in node.outputs[len(framed) :]:
            self._real[value] = ir.val(value.name, value.dtype, value.shape)
            outputs.append(self._real[value])
        inputs = [
            None if v is None else moved[v] if v in moved else self._moved_constant(node, v, kind)
            for v in node.inputs
        ]
        self.nodes.append(
            ir.node(node.op_type, inputs, dict(node.attributes), outputs=outputs, name=node.name)
        )
        return True

    def _frames_alike(self, node: ir.Node) -> list[Frame]:
        """Return the frames of all elements that a node moves; none unless all are quantized, in one type."""
        frames = [self.frame(node, i) for i in range(len(element_outputs(node)))]
        framed = [frame for frame in frames if frame is not None]
        alike = len({kind for _, kind, _ in framed}) == 1
        return framed if alike and len(framed) == len(frames) else []

    def _moved_constant(self, node: ir.Node, value: ir.Value, kind: QuantType) -> ir.Value:
        """Return a constant of a data movement, stored as `kind` if it is data joined with others."""
        array = constant(value)
        if array is None or array.dtype != np.float32 or node.op_type not in JOINING:
            return self._new(value)
        return self.initializer(f"{value.name}_{node.name}_q", kind.quantize(array))

    def _copy(self, node: ir.Node) -> None:
        """Copy a float node; integer inputs are dequantized once each."""
        inputs = [None if value is None else self._new(value) for value in node.inputs]
        outputs = [ir.val(value.name, value.dtype, value.shape) for value in node.outputs]
        self._real.update(zip(node.outputs, outputs, strict=True))
        self.nodes.append(
            ir.node(
                node.op_type,
                inputs,
                dict(node.attributes),
                domain=node.domain,
                outputs=outputs,
                name=node.name,
                metadata_props=dict(node.metadata_props),
            )
        )

    def _new(self, value: ir.Value) -> ir.Value:
        """Return the new value of an old one: computed, constant, integers, or dequantized here."""
        if value in self._real:
            return self._real[value]
        if value in self._integer and value.dtype != ir.DataType.FLOAT:
            return self._integer[value].value
        if value in self.weights:
            new = self.initializer(str(value.name), self.weights[value].real)
        elif value in self._integer:
            source = self._integer[value]
            new = ir.val(value.name, ir.DataType.FLOAT, value.shape)
            self._border("Dequantize", source.value, new, source.kind, f"{new.name}_dequantize")
        else:
            array = constant(value)
            assert array is not None, value.name
            new = self.initializer(str(value.name), array)
        self._real[value] = new
        return new

    def _border(
        self, op_type: str, source: ir.Value, output: ir.Value, kind: QuantType, name: str
    ) -> None:
        """Append a Quantize or Dequantize of this type."""
        made = convert({"scale": kind.scale, "zero": kind.zero_point})
        self.nodes.append(
            ir.node(op_type, [source], made, domain=INTEGER_DOMAIN, outputs=[output], name=name)
        )

    # -- graph borders ---------------------------------------------------------------------------------

    def _graph_input(self, value: ir.Value) -> ir.Value:
        kind = self._state_kinds.get(str(value.name))
        if kind is not None and kind.dtype == "int32":
            return self._unframed(value, kind, str(value.name))
        if kind is None:
            new = ir.val(value.name, value.dtype, value.shape)
            self._real[value] = new
            return new
        new = ir.val(value.name, ir.DataType[kind.dtype.upper()], value.shape)
        mark_type(new, kind)
        for user in value.uses():
            self._integer[user.node.outputs[0]] = Operand(new, kind)
            self._consumed.add(user.node)
        return new

    def _graph_outputs(self) -> list[ir.Value]:
        integer = {pair.output for pair in self.model.states if pair.input in self._state_kinds}
        outputs: list[ir.Value] = []
        for value in self.model.ir.graph.outputs:
            new = self._integer[value].value if value.name in integer else self._new(value)
            if new in outputs or new.producer() is None:
                copy = ir.val(f"{value.name}_copy", new.dtype, new.shape)
                self.nodes.append(
                    ir.node("Identity", [new], outputs=[copy], name=f"{value.name}_copy")
                )
                new = copy
            outputs.append(new)
        for value, new in zip(self.model.ir.graph.outputs, outputs, strict=True):
            real = self._real.get(value)
            if real is not None and real is not new:  # a float island reads the state's successor
                real.name, real.metadata_props[TENSOR] = f"{value.name}_real", str(value.name)
            new.name = value.name
        return outputs
