"""Finds operators that exporters write as several nodes, whose inner results are worth 16 bits.

One is a function of one tensor that is a sum, as ``w x + b + prelu(x)``: its addends may cancel. Another is a product
of three tensors or more, as ``x * gate of time * gate of frequency``. In 8 bits each part would be rounded at a range
of its own. No layer reads them, so 16 bits cost little.
"""

from collections.abc import Collection, Sequence

import onnx_ir as ir

from edgekit.graph.facts import facts_of
from edgekit.graph.model import FLOAT_NODE, Model
from edgekit.operators.roles import PARTIAL_SUM, activations, is_move


def mark_partial_results(model: Model) -> Model:
    """Return the model with a mark at each node whose result is such a part."""
    copy = Model(model.ir.clone())
    for node in copy.ir.graph:
        for value in (*_addends(node), *_factors(node)):
            producer = value.producer()
            if producer is not None and not is_move(producer) and _is_open(producer):
                producer.metadata_props[PARTIAL_SUM] = ""
    return copy


def _addends(node: ir.Node) -> list[ir.Value]:
    """Return the addends of a sum of functions of one tensor, down to that tensor, if nothing else reads them."""
    if not _is_sum(node):
        return []
    first, second = (_sources(value) for value in activations(node))
    source = next((value for value in first if value in second), None)
    if source is None:
        return []
    ways = (*first[: first.index(source)], *second[: second.index(source)])
    readers = {node, *(value.producer() for value in ways)}
    return [value for value in (*ways, source) if _has_readers(value, readers)]


def _is_sum(node: ir.Node) -> bool:
    """Whether a node adds or subtracts two computed tensors."""
    is_operator = not node.domain and node.op_type in ("Add", "Sub")
    return is_operator and len(activations(node)) == 2


def _factors(node: ir.Node) -> list[ir.Value]:
    """Return the operands of a product that are products of two computed tensors, if nothing else reads them."""
    if not _is_product(node):
        return []
    read = (value for value in node.inputs if value is not None)
    return [v for v in read if _is_product(v.producer()) and _has_readers(v, {node})]


def _is_product(node: ir.Node | None) -> bool:
    """Whether a node multiplies two different computed tensors."""
    if node is None or node.domain or node.op_type != "Mul":
        return False
    return len(set(activations(node))) == 2


def _is_open(node: ir.Node) -> bool:
    return FLOAT_NODE not in node.metadata_props


def _has_readers(value: ir.Value, readers: Collection[ir.Node | None]) -> bool:
    """Whether these nodes alone read a value."""
    return not value.is_graph_output() and all(use.node in readers for use in value.uses())


def _sources(value: ir.Value) -> Sequence[ir.Value]:
    """Return a value, and those before it of which it is a function, element by element."""
    found = [value]
    while True:
        node = found[-1].producer()
        operands = [] if node is None else activations(node)
        if node is None or not facts_of(node).elementwise or len(operands) != 1:
            return found
        found.append(operands[0])
