"""A chain of nodes that replaces one node."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from edgekit.graph.nodes import add_initializer, replace

AttributeValue = (
    ir.Attr | str | bytes | int | float | Sequence[int] | Sequence[float] | Sequence[str]
)


class Chain:
    """Collects the new nodes; their names start with that of the old one."""

    def __init__(self, graph: ir.Graph, node: ir.Node) -> None:
        """Store the node that `finish` replaces."""
        self.graph, self.node = graph, node
        self.new: list[ir.Node] = []

    def add(self, op_type: str, *inputs: ir.Value | None, **attributes: AttributeValue) -> ir.Value:
        """Append a node; returns its output."""
        return self.add_all(op_type, inputs, attributes, 1)[0]

    def add_all(
        self,
        op_type: str,
        inputs: Sequence[ir.Value | None],
        attributes: Mapping[str, AttributeValue],
        outputs: int,
        name: str | None = None,
    ) -> list[ir.Value]:
        """Append a node of several outputs; returns them."""
        name = name or f"{self.node.name}_{op_type.lower()}{len(self.new)}"
        self.new.append(ir.node(op_type, inputs, attributes, name=name, num_outputs=outputs))
        return list(self.new[-1].outputs)

    def constant(self, array: npt.ArrayLike, dtype: type[np.generic] = np.float32) -> ir.Value:
        """Add an initializer."""
        return add_initializer(self.graph, f"{self.node.name}_constant", np.asarray(array, dtype))

    def reshape(self, value: ir.Value, shape: tuple[int, ...]) -> ir.Value:
        """Append a Reshape."""
        return self.add("Reshape", value, self.constant(shape, np.int64))

    def transpose(self, value: ir.Value, perm: list[int]) -> ir.Value:
        """Append a Transpose, unless it changes nothing."""
        return value if perm == sorted(perm) else self.add("Transpose", value, perm=perm)

    def finish(self, results: Mapping[ir.Value, ir.Value] | None = None) -> bool:
        """Replace the old node; `results` take over its outputs, by default the last new node its first."""
        replace(self.graph, self.node, self.new, results)
        return True
