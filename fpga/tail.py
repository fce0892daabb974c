"""What follows on a layer's sums and is folded into them: functions per channel, then limits."""

from collections.abc import Container, Mapping
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Float64
from edgekit.graph.facts import facts_of, names
from edgekit.graph.nodes import array_of, sole_user
from edgekit.operators.geometry import dims

PER_CHANNEL = names(lambda row: row.affine)
LIMITS = names(lambda row: row.limits)
F64 = Float64


@dataclass(frozen=True)
class Tail:
    """What follows: a factor and an addend per channel, limits, the value it ends in, its nodes."""

    value: ir.Value
    factor: F64
    addend: F64
    low: float = -np.inf
    high: float = np.inf
    nodes: tuple[ir.Node, ...] = ()


def no_tail(value: ir.Value) -> Tail:
    """Nothing that follows on a value."""
    channels = dims(value)[1]
    return Tail(value, np.ones(channels), np.zeros(channels))


def tail_of(value: ir.Value, begins: ir.Node | None, never: Container[ir.Node]) -> Tail:
    """Fold what follows on a picture `value`, but no node of `never`.

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
    affine = facts_of(node).affine
    if affine is None:
        return None
    first = node.inputs[0] is value
    array, channels = array_of(node.inputs[1] if first else node.inputs[0]), dims(value)[1]
    rank = len(dims(value))
    if array is None or rank not in (2, 4) or array.ndim > rank:
        return None
    shape = (1,) * (rank - array.ndim) + array.shape
    if shape[1] not in (1, channels) or {shape[0], *shape[2:]} != {1}:
        return None
    constant = np.broadcast_to(array.astype(np.float64).ravel(), (channels,)).copy()
    one, zero = np.ones(channels), np.zeros(channels)
    if affine == "multiplies":
        return constant, zero
    if affine == "adds":
        return one, constant
    if affine == "subtracts":
        return (one, -constant) if first else (-one, constant)
    return (1 / constant, zero) if first and constant.all() else None


def _limits(node: ir.Node, value: ir.Value) -> tuple[float, float] | None:
    """The range of a Relu, Clip, Max or Min with constants; None for anything else."""
    if node.op_type not in LIMITS or node.domain != "":
        return None
    if node.op_type == "Relu":
        return 0.0, np.inf
    others = [v for v in node.inputs if v is not value]
    numbers = [array_of(v) for v in others]
    for v, array in zip(others, numbers, strict=True):
        if v is not None and (array is None or array.size != 1):
            return None
    ends = [None if a is None else float(a.ravel()[0]) for a in numbers]
    if node.op_type == "Clip":
        if node.inputs[0] is not value:
            return None
        low, high = (*ends, None, None)[:2]
        return -np.inf if low is None else low, np.inf if high is None else high
    if len(ends) != 1 or ends[0] is None:
        return None
    forms: Mapping[str, tuple[float, float]] = {"Max": (ends[0], np.inf), "Min": (-np.inf, ends[0])}
    return forms[node.op_type]
