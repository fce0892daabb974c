"""`Body`: the nodes of one step of a loop while they are written."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.graph.nodes import array_of, static_shape


class Body:
    """Collects nodes; every value gets a name of its own.

    Attributes:
        nodes: in order.
        outer: values from outside of the loop -> their stand-in.
        is_first: whether this is turn 0; None if the first turn is like the others.
        marks: the state that `is_first` follows from, 0 in turn 0 and 1 in later ones.
    """

    def __init__(self) -> None:
        """Start with an empty body."""
        self.nodes: list[ir.Node] = []
        self.outer: dict[ir.Value, ir.Value] = {}
        self.is_first: ir.Value | None = None
        self.marks: ir.Value | None = None
        self._count = 0

    def add(
        self, op_type: str, *inputs: ir.Value | None, like: ir.Value, **attributes: int
    ) -> ir.Value:
        """Append a node whose result has the form of another value."""
        node = ir.node(op_type, list(inputs), attributes, name=self.name(op_type.lower()))
        self.nodes.append(node)
        (output,) = node.outputs
        output.name, output.shape, output.type = self.name("v"), like.shape, like.type
        return output

    def clone(
        self, node: ir.Node, inputs: Sequence[ir.Value | None]
    ) -> Mapping[ir.Value, ir.Value]:
        """Append a node like another one; returns its outputs by the other's."""
        new = ir.Node(
            node.domain,
            node.op_type,
            inputs,
            list(node.attributes.values()),
            num_outputs=len(node.outputs),
            name=self.name(node.op_type.lower()),
        )
        self.nodes.append(new)
        for old, output in zip(node.outputs, new.outputs, strict=True):
            output.name, output.shape, output.type = self.name("v"), old.shape, old.type
        return dict(zip(node.outputs, new.outputs, strict=True))

    def clone_all(
        self, nodes: Sequence[ir.Node], given: Mapping[ir.Value, ir.Value]
    ) -> dict[ir.Value, ir.Value]:
        """Append nodes like others, with their constants; returns the values that stand for theirs."""
        made = dict(given)
        for node in nodes:
            for value in node.inputs:
                array = array_of(value)
                if value is not None and value not in made and array is not None:
                    made[value] = self.constant(array)
            made.update(self.clone(node, [None if v is None else made[v] for v in node.inputs]))
        return made

    def input(self, like: ir.Value, base: str, shape: Sequence[int] | None = None) -> ir.Value:
        """Return a new input of the body."""
        dims = static_shape(like) if shape is None else shape
        return ir.Value(name=self.name(base), shape=ir.Shape(dims or ()), type=like.type)

    def outside(self, value: ir.Value) -> ir.Value:
        """Return the stand-in of a value from outside of the loop; small integers are constants of the body."""
        array = array_of(value)
        if array is not None and array.dtype.kind == "i":
            return self.constant(array)
        if value not in self.outer:
            self.outer[value] = self.input(value, "outer")
        return self.outer[value]

    def constant(self, array: Array) -> ir.Value:
        """Append a constant."""
        node = ir.node("Constant", [], {"value": ir.tensor(array)}, name=self.name("constant"))
        self.nodes.append(node)
        (output,) = node.outputs
        output.name, output.shape = self.name("c"), ir.Shape(array.shape)
        output.type = ir.TensorType(ir.DataType.from_numpy(array.dtype))
        return output

    def integers(self, *numbers: int) -> ir.Value:
        """Append a constant line of integers."""
        return self.constant(np.array(numbers, np.int64))

    def first(self) -> ir.Value:
        """Return whether this is turn 0, bool (1,)."""
        if self.is_first is None:
            one = ir.Value(name="", shape=ir.Shape([1]), type=ir.TensorType(ir.DataType.FLOAT))
            flag = ir.Value(name="", shape=one.shape, type=ir.TensorType(ir.DataType.BOOL))
            self.marks = self.input(one, "turns")
            half = self.constant(np.array([0.5], np.float32))
            self.is_first = self.add("Less", self.marks, half, like=flag)
        return self.is_first

    def name(self, base: str) -> str:
        """Return a new name."""
        self._count += 1
        return f"{base}_{self._count}"
