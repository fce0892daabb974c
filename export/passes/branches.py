"""Computes both branches of an If whose condition depends on data, and selects between their results."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import onnx_ir as ir

from edgekit.graph.facts import facts_of
from edgekit.graph.nodes import add_initializer, array_of, replace, static_shape, unused_name

BRANCHES = ("then_branch", "else_branch")


class BranchesToWhere(ir.passes.InPlacePass):
    """Replace an If by the nodes of both branches and a Where for each result.

    Left alone are branches that draw random numbers, that hold loops or operators of another domain, that could fail
    where they are not taken (a division of integers, an index that data choose), or whose results differ in shape.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Rewrite in place, the innermost first."""
        names = Counter(value.name for value in _values(model.graph))
        return ir.passes.PassResult(model, modified=_replace_choices(model.graph, names))


def _values(graph: ir.Graph) -> Iterator[ir.Value]:
    """Every value of a graph and of the graphs inside it."""
    yield from (*graph.inputs, *graph.initializers.values())
    for node in graph:
        yield from node.outputs
        for branch in _graphs_of(node):
            yield from _values(branch)


def _graphs_of(node: ir.Node) -> list[ir.Graph]:
    return [a.as_graph() for a in node.attributes.values() if a.type == ir.AttributeType.GRAPH]


def _replace_choices(graph: ir.Graph, names: Counter[str | None]) -> bool:
    changed = False
    for node in list(graph):
        for branch in _graphs_of(node):
            changed |= _replace_choices(branch, names)
        if node.op_type == "If" and not node.domain and _can_select(node):
            _select(graph, node, names)
            changed = True
    return changed


def _can_select(node: ir.Node) -> bool:
    if static_shape(node.inputs[0]) is None or set(BRANCHES) - set(node.attributes):
        return False
    branches = _graphs_of(node)
    results = zip(node.outputs, *(branch.outputs for branch in branches), strict=True)
    inner = [node for branch in branches for node in branch]
    return all(map(_are_alike, results)) and all(map(_never_fails, inner))


def _are_alike(values: Sequence[ir.Value]) -> bool:
    """Whether values have one static shape and one type."""
    shapes, types = {static_shape(value) for value in values}, {value.dtype for value in values}
    return len(shapes) == len(types) == 1 and None not in shapes


def _never_fails(node: ir.Node) -> bool:
    """Whether a node has a result for all inputs, the same in each run."""
    facts = facts_of(node)
    if node.domain or facts.loops or facts.random or node.op_type == "If":
        return False
    if node.op_type in ("Div", "Mod"):
        return node.outputs[0].dtype in (ir.DataType.FLOAT, ir.DataType.DOUBLE)
    return facts.places is None or array_of(node.inputs[1]) is not None


def _select(graph: ir.Graph, node: ir.Node, names: Counter[str | None]) -> None:
    condition = node.inputs[0]
    assert condition is not None
    taken, refused = (node.attributes[name].as_graph() for name in BRANCHES)
    choices = list(
        zip(
            _move_out(taken, graph, node, names),
            _move_out(refused, graph, node, names),
            strict=True,
        )
    )
    new = []
    if static_shape(condition) != ():
        shape = add_initializer(graph, f"{node.name}/scalar", np.array([], np.int64))
        new.append(ir.node("Reshape", [condition, shape], name=f"{node.name}/condition"))
        condition = new[0].outputs[0]
    selections = [ir.node("Where", [condition, *choice], name=node.name) for choice in choices]
    results = [selection.outputs[0] for selection in selections]
    replace(graph, node, [*new, *selections], dict(zip(node.outputs, results, strict=True)))


def _move_out(
    branch: ir.Graph, graph: ir.Graph, node: ir.Node, names: Counter[str | None]
) -> Sequence[ir.Value]:
    """Move a branch's constants and nodes into its graph, in front of a node, and return its results."""
    results, constants, nodes = (
        list(branch.outputs),
        list(branch.initializers.values()),
        list(branch),
    )
    branch.outputs.clear()
    branch.initializers.clear()
    branch.remove(nodes)
    for value in (*constants, *(output for inner in nodes for output in inner.outputs)):
        if names[value.name] > 1:
            names[value.name] -= 1
            value.name = unused_name(set(filter(None, names)), str(value.name))
            names[value.name] = 1
    for constant in constants:
        graph.register_initializer(constant)
    graph.insert_before(node, nodes)
    return results
