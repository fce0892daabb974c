"""A pass that processes one node after another."""

from abc import abstractmethod
from collections.abc import Callable

import onnx_ir as ir


class EachNode(ir.passes.InPlacePass):
    """Rewrite the nodes that the graph has at the beginning, in its order."""

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Rewrite in place."""
        changes = [self.rewrite(model.graph, node) for node in list(model.graph)]
        return ir.passes.PassResult(model, modified=any(changes))

    @abstractmethod
    def rewrite(self, graph: ir.Graph, node: ir.Node) -> bool:
        """Rewrite one node if possible; return whether it was."""


def rewrite_to_fixpoint(
    step: Callable[[ir.Graph, ir.Node], ir.Node | None], graph: ir.Graph, node: ir.Node
) -> bool:
    """Repeat a step on a node and on its results until it returns None; return whether it returned a node."""
    result = step(graph, node)
    while result is not None and (following := step(graph, result)) is not None:
        result = following
    return result is not None
