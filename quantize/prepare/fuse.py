"""Replaces patterns of several nodes that exporters write by one node with precise integer internals.

Layer normalization becomes ONNX's operator, the others those of `edgekit.graph.fused`.
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import onnx_ir as ir

from edgekit.export.own_operators.functions import define_functions
from edgekit.export.passes.shapes import InferShapes
from edgekit.graph.facts import facts_of
from edgekit.graph.model import FLOAT_NODE, FRONTEND_DOMAIN, Model
from edgekit.graph.nodes import add_initializer, array_of, attribute, is_unread, replace, sole_user
from edgekit.operators.geometry import dims
from edgekit.operators.roles import feeds_sensitive, reduced_axes
from edgekit.quantize.prepare.fuse_cells import lstm_step

Pattern = Callable[[ir.Graph, ir.Node], ir.Node | None]


def fuse(model: Model, patterns: Sequence[Pattern] | None = None) -> Model:
    """Return a model in which every LSTM step and every pattern is one node; it computes the same.

    Without `patterns` these are all of `PATTERNS`.
    """
    copy = model.ir.clone()
    graph = copy.graph
    for node in list(graph):
        _square_later(graph, node)
    for node in reversed(list(graph)):
        if _is_open(node):
            _remove_unused(graph, lstm_step(graph, node))
    for recognise in PATTERNS if patterns is None else patterns:
        for node in reversed(list(graph)):  # the longest pattern first
            new = recognise(graph, node) if _is_open(node) else None
            if new is None:
                continue
            new.outputs[0].shape, new.outputs[0].type = node.outputs[0].shape, node.outputs[0].type
            read = list(node.inputs)
            replace(graph, node, [new])
            _remove_unused(graph, read)
    define_functions(copy)
    graph.sort()
    InferShapes()(copy)
    return Model(copy)


def _square_later(graph: ir.Graph, move: ir.Node) -> None:
    """Move the elements first, then square them, so that a square precedes the sum or mean of a pattern."""
    data = move.inputs[0] if _moves_alone(move) and _is_open(move) else None
    base = None if data is None else _square(data)
    square = None if data is None else data.producer()
    if base is None or square is None:
        return
    moved = ir.Node(
        "", move.op_type, [base, *move.inputs[1:]], move.attributes.values(), name=move.name
    )
    value, result = moved.outputs[0], move.outputs[0]
    value.name, value.shape, value.type = f"{base.name}_{result.name}", result.shape, base.type
    operands = [value if operand is base else operand for operand in square.inputs]
    later = ir.Node("", square.op_type, operands, square.attributes.values(), name=square.name)
    later.metadata_props.update(square.metadata_props)
    replace(graph, move, [moved, later])
    graph.remove(square, safe=True)


def _moves_alone(node: ir.Node) -> bool:
    """Whether a node moves the elements of one operand to one result, each once at most."""
    facts = facts_of(node)
    plain = facts.moves in ("renames", "copies") and not (facts.joins or facts.grows)
    return plain and len(node.outputs) == 1


def _is_open(node: ir.Node) -> bool:
    """Whether a node is still there, and may become an integer one."""
    return node.graph is not None and FLOAT_NODE not in node.metadata_props


def _remove_unused(graph: ir.Graph, values: Sequence[ir.Value | None]) -> None:
    """Remove the nodes that computed these values, if they have no reader left."""
    waiting = list(values)
    while waiting:
        value = waiting.pop()
        node = None if value is None else value.producer()
        if node is None or node.graph is None:
            continue
        if is_unread(node):
            waiting += node.inputs
            graph.remove(node, safe=True)


def layer_normalization(graph: ir.Graph, root: ir.Node) -> ir.Node | None:
    """Fuse ``(x - mean) / sqrt(variance + epsilon)``, perhaps times one constant and plus another."""
    found = _match_normalization(root)
    if found is None:
        return None
    x, axis = found.x, found.axis
    shape = dims(x)[axis:]
    arrays = {"scale": np.ones(shape, np.float32) if found.scale is None else found.scale}
    if found.bias is not None:
        arrays["bias"] = found.bias
    if not all(_fits_row(array, dims(x), len(shape)) for array in arrays.values()):
        return None
    constants = []
    for name, array in arrays.items():
        wide = np.broadcast_to(_drop_leading_axes(array, len(shape)), shape)
        row = np.ascontiguousarray(wide, np.float32)
        constants.append(add_initializer(graph, f"{root.name}_{name}", row))
    attributes = {"axis": axis, "epsilon": found.epsilon}
    return ir.node("LayerNormalization", [x, *constants], attributes, name=root.name)


def _fits_row(array: np.ndarray, shape: tuple[int, ...], axes: int) -> bool:
    """Whether a constant that meets a tensor of this shape has one row of its last `axes` for all others."""
    broadcast = np.broadcast_shapes(array.shape, shape) == shape
    return broadcast and (array.size <= 1 or array.squeeze().ndim <= axes)


@dataclass(frozen=True)
class Normalization:
    """Rows of x from an axis on, normalized, times a scale plus a bias."""

    x: ir.Value
    axis: int
    epsilon: float
    scale: np.ndarray | None = None
    bias: np.ndarray | None = None


def _match_normalization(root: ir.Node) -> Normalization | None:
    """Return the parts of a normalization in several nodes that ends here and nowhere later."""
    for inner, constant in _constant_operand(root):
        found = _match_normalization(inner) if sole_user(inner.outputs[0]) else None
        if found is None or found.bias is not None:
            continue
        if root.op_type == "Add":
            return dataclasses.replace(found, bias=constant)
        if found.scale is None:
            return dataclasses.replace(found, scale=constant)
    centred, deviation = _quotient(root)
    return None if centred is None or deviation is None else _statistics(centred, deviation)


def _statistics(centred: ir.Value, deviation: ir.Value) -> Normalization | None:
    """Return x, axis and epsilon if `centred` is x - mean(x), and `deviation` the root of its mean square."""
    lifted = _operand_of_type(deviation, "Sqrt")
    mean_square, epsilon = _plus_constant(lifted)
    square, axes = _mean(mean_square)
    source, average = _operands(centred, "Sub")
    x, mean_axes = _mean(average)
    base = None if square is None else _square(square)
    if base is None or x is None or source is not x or axes != mean_axes:
        return None
    again = _operands(base, "Sub")
    if base is not centred and again != (source, average):
        return None
    rank = len(dims(x))
    if not axes or axes != list(range(axes[0], rank)):
        return None
    return Normalization(x, axes[0], epsilon)


def magnitude(graph: ir.Graph, root: ir.Node) -> ir.Node | None:
    """``sqrt(a^2 + b^2)``, perhaps with a small constant under the root."""
    if root.op_type != "Sqrt":
        return None
    power, epsilon = _plus_constant(root.inputs[0])
    a, b = (None if v is None else _square(v) for v in _operands(power, "Add"))
    if a is None or b is None or dims(a) != dims(b) or epsilon < 0 or not _plain(a, b):
        return None
    return _function("Magnitude", [a, b], root, epsilon=epsilon)


def mean_square(graph: ir.Graph, root: ir.Node) -> ir.Node | None:
    """Fuse the mean of squares along adjacent axes, unless a root, logarithm or division follows."""
    square, axes = _mean(root.outputs[0])
    x = None if square is None else _square(square)
    if x is None or not axes or not _plain(x) or axes != list(range(axes[0], axes[-1] + 1)):
        return None
    if feeds_sensitive(root.outputs[0]):
        return None
    keep = attribute(root, "keepdims", 1)
    return _function("MeanSquare", [x], root, axes=axes, keepdims=keep)


def product_sum(graph: ir.Graph, root: ir.Node) -> ir.Node | None:
    """``a * b + c * d`` or ``a * b - c * d`` of computed tensors of one shape."""
    if root.op_type not in ("Add", "Sub") or feeds_sensitive(root.outputs[0]):
        return None
    products = [pair for side in root.inputs if (pair := _product(side)) is not None]
    factors = list(chain(*products))
    if len(factors) < 4 or len({dims(factor) for factor in factors}) > 1:
        return None
    return _function("ProductSum", factors, root, sign=1.0 if root.op_type == "Add" else -1.0)


def _product(value: ir.Value | None) -> tuple[ir.Value, ir.Value] | None:
    """Return the factors of a product of two computed tensors without another reader; None for a square."""
    a, b = _operands(value, "Mul")
    if value is None or a is None or b is None:
        return None
    return (a, b) if a is not b and _plain(a, b) and sole_user(value) else None


def _function(
    op_type: str, inputs: list[ir.Value], root: ir.Node, **attributes: float | int | list[int]
) -> ir.Node:
    return ir.node(op_type, inputs, attributes, domain=FRONTEND_DOMAIN, name=root.name)


def _plain(*values: ir.Value) -> bool:
    """Whether all are computed float tensors."""
    return all(array_of(v) is None and v.dtype == ir.DataType.FLOAT for v in values)


def _operand_of_type(value: ir.Value | None, op_type: str) -> ir.Value | None:
    """Return the operand of the node that computes a value, if it is of this type."""
    node = None if value is None else value.producer()
    return node.inputs[0] if node is not None and _is_float_node(node, op_type) else None


def _is_float_node(node: ir.Node, op_type: str) -> bool:
    return node.op_type == op_type and node.domain == "" and FLOAT_NODE not in node.metadata_props


def _operands(value: ir.Value | None, op_type: str) -> tuple[ir.Value | None, ir.Value | None]:
    """Return both operands of the node that computes a value."""
    node = None if value is None else value.producer()
    if node is None or not _is_float_node(node, op_type):
        return None, None
    return node.inputs[0], node.inputs[1]


def _square(value: ir.Value) -> ir.Value | None:
    """Return the base of a square, if nothing else reads the square."""
    node = value.producer()
    if node is None or sole_user(value) is None:
        return None
    if _is_float_node(node, "Mul") and node.inputs[0] is node.inputs[1]:
        return node.inputs[0]
    power = array_of(node.inputs[1]) if _is_float_node(node, "Pow") else None
    return node.inputs[0] if power is not None and power.size == 1 and power.item() == 2 else None


def _mean(value: ir.Value | None) -> tuple[ir.Value | None, list[int]]:
    """Return the operand of a mean, and the axes of the mean."""
    node = None if value is None else value.producer()
    if node is None or not _is_float_node(node, "ReduceMean"):
        return None, []
    if any(v is not None and array_of(v) is None for v in node.inputs[1:]):
        return None, []
    return node.inputs[0], reduced_axes(node)


def _plus_constant(value: ir.Value | None) -> tuple[ir.Value | None, float]:
    """Return a value without the number that is added to it, and that number."""
    node = None if value is None else value.producer()
    if node is not None and _is_float_node(node, "Add"):
        for own, other in (node.inputs[:2], node.inputs[1::-1]):
            array = array_of(other)
            if array is not None and array.size == 1 and own is not None:
                return own, float(array.item())
    return value, 0.0


def _constant_operand(node: ir.Node) -> Iterator[tuple[ir.Node, np.ndarray]]:
    """Yield the node that makes one operand of a sum or product, and the other operand, a constant."""
    if not (_is_float_node(node, "Add") or _is_float_node(node, "Mul")):
        return
    for own, other in (node.inputs[:2], node.inputs[1::-1]):
        array, producer = array_of(other), None if own is None else own.producer()
        if array is not None and producer is not None:
            yield producer, array


def _quotient(node: ir.Node) -> tuple[ir.Value | None, ir.Value | None]:
    """Dividend and divisor of a Div, or of a Mul by a Reciprocal."""
    if _is_float_node(node, "Div"):
        return node.inputs[0], node.inputs[1]
    if _is_float_node(node, "Mul"):
        for own, other in (node.inputs[:2], node.inputs[1::-1]):
            divisor = _operand_of_type(other, "Reciprocal")
            if divisor is not None:
                return own, divisor
    return None, None


def _drop_leading_axes(array: np.ndarray, rank: int) -> np.ndarray:
    """Return a constant without leading axes of one element beyond `rank`."""
    return array.reshape(array.shape[max(array.ndim - rank, 0) :])


PATTERNS: tuple[Pattern, ...] = (
    layer_normalization,
    magnitude,
    mean_square,
    product_sum,
)
