"""Operands that must be above zero, as those of a division, and values that always are."""

import onnx_ir as ir

from edgekit.graph.facts import facts_of
from edgekit.graph.nodes import array_of

DEPTH = 10


def partial(node: ir.Node) -> ir.Value | None:
    """The operand of a node that not every number suits; None where all do."""
    place = facts_of(node).partial
    if node.op_type == "Pow":
        power = array_of(node.inputs[1])
        if power is not None and ((power >= 0) & (power == power.round())).all():
            return None
    return None if place is None else node.inputs[place]


def sign(value: ir.Value | None, depth: int = DEPTH) -> int:
    """1 where a value is above zero whatever the inputs of its graph are, 0 where not below, else -1."""
    array = array_of(value)
    if array is not None:
        return 1 if (array > 0).all() else 0 if (array >= 0).all() else -1
    node = None if value is None else value.producer()
    if node is None or node.domain or depth == 0:
        return -1
    told = facts_of(node).sign
    if told in ("above", "not below"):
        return int(told == "above")
    return _of_operands(node, depth - 1)


def _of_operands(node: ir.Node, depth: int) -> int:
    """The sign of what a node makes of its operands."""
    facts, kind, operands = facts_of(node), node.op_type, [v for v in node.inputs if v is not None]
    if kind == "Mul" and operands[0] is operands[1]:
        return 0
    if kind == "Pow":
        power = array_of(operands[1])
        even = power is not None and bool((power % 2 == 0).all())
        return max(sign(operands[0], depth), 0 if even else -1)
    if facts.sign == "second":
        return sign(node.inputs[1], depth) if len(node.inputs) > 1 else -1
    moved = facts.moves in ("renames", "copies") and not facts.joins
    if facts.sign == "first" or moved:
        return sign(operands[0], depth)
    if facts.sign == "most":
        return max(sign(v, depth) for v in operands)
    if facts.sign == "least":
        return min(sign(v, depth) for v in operands)
    if facts.sign == "sum":
        signs = [sign(v, depth) for v in operands]
        return max(signs) if min(signs) >= 0 else -1
    return -1
