"""Operands that must be above zero, as those of a division, and values that always are."""

from collections.abc import Callable, Sequence

import onnx_ir as ir

from edgekit.graph.facts import facts_of
from edgekit.graph.nodes import array_of

DEPTH = 10
Operands = Sequence[ir.Value | None]


def partial(node: ir.Node) -> ir.Value | None:
    """Return the operand of a node for which not every number is valid; None if all are."""
    place = facts_of(node).partial
    if node.op_type == "Pow":
        power = array_of(node.inputs[1])
        if power is not None and ((power >= 0) & (power == power.round())).all():
            return None
    return None if place is None else node.inputs[place]


def sign(value: ir.Value | None, depth: int = DEPTH) -> int:
    """Return 1 if a value is above zero for all inputs of its graph, 0 if not below zero, else -1."""
    array = array_of(value)
    if array is not None:
        return 1 if (array > 0).all() else 0 if (array >= 0).all() else -1
    node = None if value is None else value.producer()
    if node is None or node.domain or depth == 0:
        return -1
    told = facts_of(node).sign
    if told in ("above", "not below"):
        return int(told == "above")
    return _sign_of_result(node, depth - 1)


def _sign_of_result(node: ir.Node, depth: int) -> int:
    """Return the sign of a node's result."""
    facts, operands = facts_of(node), node.inputs
    if node.op_type == "Mul" and operands[0] is operands[1]:
        return 0
    if node.op_type == "Pow":
        return _sign_of_power(operands, depth)
    moved = facts.moves in ("renames", "copies") and not facts.joins
    word = "first" if moved else facts.sign
    return SIGNS[word](operands, depth) if word in SIGNS else -1


def _sign_of_sum(operands: Operands, depth: int) -> int:
    signs = [sign(value, depth) for value in operands]
    return max(signs) if min(signs) >= 0 else -1


def _sign_of_power(operands: Operands, depth: int) -> int:
    power = array_of(operands[1])
    even = power is not None and bool((power % 2 == 0).all())
    return max(sign(operands[0], depth), 0 if even else -1)


SIGNS: dict[str, Callable[[Operands, int], int]] = {  # by `Facts.sign`
    "first": lambda operands, depth: sign(operands[0], depth),
    "second": lambda operands, depth: sign(operands[1], depth) if len(operands) > 1 else -1,
    "most": lambda operands, depth: max(sign(value, depth) for value in operands),
    "least": lambda operands, depth: min(
        sign(value, depth) for value in operands if value is not None
    ),
    "sum": _sign_of_sum,
}
