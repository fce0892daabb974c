"""A pass over nodes sees those that were there at the beginning, each once."""

import onnx_ir as ir
from pass_networks import parse

from edgekit.export.passes.each_node import EachNode, rewrite_to_fixpoint

TEXT = "(float[2] x) => (float[2] y) { a = Neg (x) b = Abs (a) y = Neg (b) }"


class Doubled(EachNode):
    """Puts a second Neg behind each."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def rewrite(self, graph: ir.Graph, node: ir.Node) -> bool:
        """Add one node."""
        self.seen.append(node.op_type)
        if node.op_type == "Neg":
            graph.insert_after(node, ir.node("Neg", [node.outputs[0]]))
        return node.op_type == "Neg"


def test_nodes_that_a_rewrite_adds_are_not_visited() -> None:
    model, one = parse(TEXT), Doubled()
    assert one(model).modified and one.seen == ["Neg", "Abs", "Neg"]
    assert [node.op_type for node in model.graph] == ["Neg", "Neg", "Abs", "Neg", "Neg"]
    assert not Doubled()(parse("(float[2] x) => (float[2] y) { y = Abs (x) }")).modified


def test_a_step_is_repeated_on_what_it_gives() -> None:
    graph = parse(TEXT).graph
    nodes, asked = [*graph], list[ir.Node]()

    def following(graph: ir.Graph, node: ir.Node) -> ir.Node | None:
        asked.append(node)
        return nodes[len(asked)] if len(asked) < 3 else None

    assert rewrite_to_fixpoint(following, graph, nodes[0]) and asked == nodes
    assert not rewrite_to_fixpoint(lambda graph, node: None, graph, nodes[0])
