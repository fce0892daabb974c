"""Groups float tensors that share one type, as their elements are the same values."""

from collections.abc import Mapping

import onnx_ir as ir

from edgekit.graph.model import Model
from edgekit.operators.geometry import optional
from edgekit.operators.roles import (
    HIDDEN_INPUT,
    JOINING,
    MOVES,
    RECURRENT,
    activations,
    constant,
    fused_activation,
    integer_moves,
    results,
)
from edgekit.quantize.calibrate.observers import Observer, minmax_range

CONCAT_RANGE_RATIO = 2.0  # operands within one bit of the result share its scale


def tensor_groups(
    model: Model,
    observers: dict[str, Observer],
    compute: set[str | None],
    kept: frozenset[str],
    named: Mapping[str, str],
) -> tuple[list[list[str]], frozenset[str]]:
    """Return the groups of tensors that share a type, and the names of all integer nodes.

    Args:
        model: the float network.
        observers: of its tensors.
        compute: the nodes that compute in integers; moves between them follow.
        kept: tensors that stay float.
        named: tensors with types; those with different ones are not joined for convenience.
    """
    moves = integer_moves(model, compute, kept)
    integer = frozenset(str(name) for name in compute | moves)
    return list(_Groups(model, observers, integer, named).members().values()), integer


class _Groups:
    """Union-find over tensor names: tensors in one group share one type."""

    def __init__(
        self,
        model: Model,
        observers: dict[str, Observer],
        integer: frozenset[str],
        types: Mapping[str, str],
    ) -> None:
        self.parent: dict[str, str] = {}
        self.observers, self.types = observers, types
        nodes = [node for node in model.ir.graph if node.name in integer]
        inside = {node.outputs[0].name for node in nodes if fused_activation(node)}
        for node in nodes:
            for value in [*activations(node), *results(node)]:
                if value.name not in inside:
                    self.find(str(value.name))
            self._share(node)
        for pair in model.states:
            if pair.input in self.parent and pair.output in self.parent:
                self.parent[self.find(pair.input)] = self.find(pair.output)

    def find(self, name: str) -> str:
        self.parent.setdefault(name, name)
        while self.parent[name] != name:
            name = self.parent[name]
        return name

    def union(self, a: ir.Value, b: ir.Value) -> None:
        self.parent[self.find(str(a.name))] = self.find(str(b.name))

    def _share(self, node: ir.Node) -> None:
        """Join tensors that a node only moves, and the states of a cell."""
        if node.op_type in JOINING:
            self._share_joined(node)
        elif node.op_type in MOVES:
            for value in results(node):
                self.union(activations(node)[0], value)
        elif node.op_type in RECURRENT:
            hidden = [*results(node), optional(node, HIDDEN_INPUT)]
            named = [v for v in hidden if v is not None and v.name and constant(v) is None]
            for value in named[1:]:
                self.union(named[0], value)

    def _share_joined(self, node: ir.Node) -> None:
        output = node.outputs[0]
        width = self._width(output)
        for value in activations(node):
            state = value.is_graph_input()
            near = self._width(value) * CONCAT_RANGE_RATIO >= width
            if state or (near and len(self._named(value) | self._named(output)) < 2):
                self.union(value, output)

    def _width(self, value: ir.Value) -> float:
        low, high = minmax_range(self.observers[str(value.name)])
        return max(high, 0.0) - min(low, 0.0)

    def _named(self, value: ir.Value) -> set[str]:
        """Return the types that a recipe names for a value's group so far."""
        root = self.find(str(value.name))
        return {
            dtype
            for name, dtype in self.types.items()
            if name in self.parent and self.find(name) == root
        }

    def members(self) -> dict[str, list[str]]:
        result: dict[str, list[str]] = {}
        for name in self.parent:
            result.setdefault(self.find(name), []).append(name)
        return result
