"""Functions that are folded into a layer's sums: functions per channel, then limits."""

from collections.abc import Container
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Float64
from edgekit.export.passes.affine import channel_affine
from edgekit.graph.facts import names
from edgekit.graph.nodes import array_of, optional, sole_user
from edgekit.operators.geometry import dims

PER_CHANNEL = names(lambda row: row.affine)
LIMITS = names(lambda row: row.limits)
F64 = Float64


@dataclass(frozen=True)
class Tail:
    """The folded functions: a factor and an addend per channel, limits, the resulting value, its nodes."""

    value: ir.Value
    factor: F64
    addend: F64
    low: float = -np.inf
    high: float = np.inf
    nodes: tuple[ir.Node, ...] = ()


def no_tail(value: ir.Value) -> Tail:
    """Return an empty tail of a value."""
    channels = dims(value)[1]
    return Tail(value, np.ones(channels), np.zeros(channels))


def tail_of(value: ir.Value, begins: ir.Node | None, never: Container[ir.Node]) -> Tail:
    """Fold the nodes after a picture `value`, but no node of `never`.

    The first node is `begins`, which may be one of several readers; None: the only reader.
    """
    tail = no_tail(value)
    user = begins or sole_user(value)
    while user is not None and user not in never:
        longer = _extend_tail(tail, user)
        if longer is None:
            break
        tail = longer
        user = sole_user(tail.value)
    return tail


def _extend_tail(tail: Tail, node: ir.Node) -> Tail | None:
    """A tail that goes on with a node; None where it cannot."""
    result, nodes = node.outputs[0], (*tail.nodes, node)
    affine = _per_channel(node, tail.value)
    if affine is not None and (tail.low, tail.high) == (-np.inf, np.inf):
        factor, addend = affine
        return Tail(
            result, tail.factor * factor, tail.addend * factor + addend, tail.low, tail.high, nodes
        )
    ends = _limits(node, tail.value)
    if ends is None:
        return None
    low, high = (float(np.clip(end, *ends)) for end in (tail.low, tail.high))
    return Tail(result, tail.factor, tail.addend, low, high, nodes)


def _per_channel(node: ir.Node, value: ir.Value) -> tuple[F64, F64] | None:
    """Factor and addend per channel of a Mul, Add, Sub or Div with a constant; None for anything else."""
    return channel_affine(node, value) if len(dims(value)) in (2, 4) else None


def _limits(node: ir.Node, value: ir.Value) -> tuple[float, float] | None:
    """The range of a Relu, Clip, Max or Min with constants; None for anything else."""
    if node.op_type not in LIMITS or node.domain != "":
        return None
    if node.op_type == "Relu":
        return 0.0, np.inf
    if node.op_type == "Clip":
        return _clip_range(node) if node.inputs[0] is value else None
    others = [other for other in node.inputs if other is not value]
    end = _bound(others[0], None) if len(others) == 1 else None
    if end is None:
        return None
    return (end, np.inf) if node.op_type == "Max" else (-np.inf, end)


def _clip_range(node: ir.Node) -> tuple[float, float] | None:
    low, high = _bound(optional(node, 1), -np.inf), _bound(optional(node, 2), np.inf)
    return None if low is None or high is None else (low, high)


def _bound(value: ir.Value | None, default: float | None) -> float | None:
    """Return the number in a constant, `default` without one; None where it is computed or not one number."""
    array = array_of(value)
    if value is None:
        return default
    return None if array is None or array.size != 1 else float(array.ravel()[0])
