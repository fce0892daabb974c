"""Arithmetic, comparisons and choices over broadcast operands."""

from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from edgekit.graph.litert_builtins import BUILTINS
from edgekit.graph.nodes import attribute
from edgekit.operators.roles import constant
from edgekit.operators.scheme import QuantType
from edgekit.targets.litert.emit.base import align_orders, rank_of, requantize_operand
from edgekit.targets.litert.file import options
from edgekit.targets.litert.node_emission import LiteRTRefused, NodeEmission
from edgekit.targets.litert.orders import Order

Fold = Callable[[NodeEmission, int, int], int]
NARROW = ("int8", "uint8", "int16")  # plain integers of these types are computed in int32


def operands(w: NodeEmission, node: ir.Node) -> tuple[Order, list[int]]:
    """Return all inputs in one order."""
    items = [w.item(value) for value in node.inputs]
    return align_orders(w, items, rank_of(node.outputs[0]))


def wide(w: NodeEmission, number: int) -> int:
    """Return a tensor of plain integers, widened to int32 if narrower."""
    held = w.graph.tensors[number]
    narrow = held.dtype in NARROW and held.scales is None
    return w.op("CAST", [number], dtype="int32") if narrow else number


def cast_to_result(w: NodeEmission, number: int, dtype: str) -> int:
    """A tensor in the type of the node's result; integers wrap around."""
    return number if w.graph.tensors[number].dtype == dtype else w.op("CAST", [number], dtype=dtype)


def binary(w: NodeEmission, node: ir.Node) -> None:
    """Add, Sub, Mul, Div of two."""
    order, (a, b) = operands(w, node)
    dtype = w.graph.tensors[a].dtype
    if w.integer or dtype == "float32":
        w.result(BUILTINS[node.op_type], [a, b], order)
        return
    a, b = wide(w, a), wide(w, b)
    if node.op_type == "Div" and w.graph.tensors[a].dtype == "int64":
        raise LiteRTRefused("a quotient of int64", "int32 or float32", "cast to int32")
    w.put(cast_to_result(w, w.op(BUILTINS[node.op_type], [a, b]), dtype), order)


def fold(w: NodeEmission, node: ir.Node) -> None:
    """Max, Min, Sum, Mean of any number."""
    items = [requantize_operand(w, value) for value in node.inputs]
    order, numbers = align_orders(w, items, rank_of(node.outputs[0]))
    dtype = w.graph.tensors[numbers[0]].dtype
    total, *rest = [wide(w, n) for n in numbers]
    for number in rest:
        total = w.op(BUILTINS[node.op_type], [total, number])
    if node.op_type == "Mean":
        total = w.op("MUL", [total, w.real_constant(1 / len(numbers))])
    total = cast_to_result(w, total, dtype)
    if not rest:
        total = w.reshaped(total, w.shape(total))
    w.put(total, order)


def division(w: NodeEmission, node: ir.Node) -> None:
    """Div; in integers by a number, as a product with an exact quotient of scales."""
    if not w.integer:
        binary(w, node)
        return
    divisor = w.array(node.inputs[1])
    item = w.item(node.inputs[0])
    assert divisor is not None
    real, peak = float(np.ravel(divisor)[0]), np.iinfo(w.work).max
    kind = QuantType(w.work, float(np.float32(1 / (abs(real) * peak))), 0)
    factor = w.constant(np.full(1, peak if real > 0 else -peak, w.work), kind)
    w.result("MUL", [w.tensor(item, item.order), factor], item.order)


def is_division(w: NodeEmission, node: ir.Node) -> bool:
    """Whether it divides by a constant of one element."""
    divisor = w.array(node.inputs[1])
    return divisor is not None and divisor.size == 1


def _square(w: NodeEmission, x: int) -> int:
    return w.op("MUL", [x, x])


def _inverse(w: NodeEmission, x: int) -> int:
    return w.op("DIV", [w.real_constant(1), x])


POWERS: dict[float, Callable[[NodeEmission, int], int]] = {
    2.0: _square,
    3.0: lambda w, x: w.op("MUL", [_square(w, x), x]),
    4.0: lambda w, x: _square(w, _square(w, x)),
    0.5: lambda w, x: w.op("SQRT", [x]),
    -0.5: lambda w, x: w.op("RSQRT", [x]),
    -1.0: _inverse,
    -2.0: lambda w, x: _inverse(w, _square(w, x)),
}


def power(w: NodeEmission, node: ir.Node) -> None:
    """Pow; by products where the exponent is a small whole number."""
    order, (a, b) = operands(w, node)
    exponent = constant(node.inputs[1])
    dtype = w.graph.tensors[a].dtype
    if exponent is not None and exponent.size == 1 and dtype == "float32":
        known = POWERS.get(float(exponent.ravel()[0]))
        if known is not None:
            w.put(known(w, a), order)
            return
    a = wide(w, a) if dtype != "int64" else w.op("CAST", [a], dtype="int32")
    b = cast_to_result(w, b, w.graph.tensors[a].dtype)
    w.put(cast_to_result(w, w.op("POW", [a, b]), dtype), order)


def compare(w: NodeEmission, node: ir.Node) -> None:
    """A truth value per element."""
    order, (a, b) = operands(w, node)
    if w.graph.tensors[a].dtype == "bool":
        w.put(w.op("EQUAL", [a, b]), order)
        return
    w.put(w.op(BUILTINS[node.op_type], [wide(w, a), wide(w, b)], dtype="bool"), order)


def logic(w: NodeEmission, node: ir.Node) -> None:
    """And, Or, Xor, Not of truth values."""
    order, numbers = operands(w, node)
    if node.op_type == "Not":
        w.put(w.op("LOGICAL_NOT", numbers), order)
    else:
        w.put(w.op(BUILTINS.get(node.op_type, "NOT_EQUAL"), numbers), order)


def bits(w: NodeEmission, node: ir.Node) -> None:
    """Exclusive or, or the complement, of bits."""
    order, numbers = operands(w, node)
    dtype = w.graph.tensors[numbers[0]].dtype
    if node.op_type == "BitwiseNot":
        ones = np.full((), -1 if dtype.startswith("int") else np.iinfo(dtype).max)
        numbers = [*numbers, w.constant(ones.astype(dtype))]
    w.put(w.op("BITWISE_XOR", numbers), order)


def modulo(w: NodeEmission, node: ir.Node) -> None:
    """The remainder that has the divisor's sign, or, with fmod, the dividend's."""
    order, (a, b) = operands(w, node)
    dtype = w.graph.tensors[a].dtype
    if attribute(node, "fmod", 0) and dtype == "float32":
        a, b = w.op("ABS", [a]), w.op("ABS", [b])
        _, (signed, _) = operands(w, node)
        rest = w.op("FLOOR_MOD", [a, b])
        w.put(w.op("MUL", [rest, w.op("SIGN", [signed])]), order)
        return
    if attribute(node, "fmod", 0):
        raise LiteRTRefused("the remainder of integers that has the dividend's sign", "fmod = 0")
    w.put(cast_to_result(w, w.op("FLOOR_MOD", [wide(w, a), wide(w, b)]), dtype), order)


def emit_where(w: NodeEmission, node: ir.Node) -> None:
    """Choose one of two by a truth value."""
    condition = w.real_item(node.inputs[0])
    choices = [requantize_operand(w, value) for value in node.inputs[1:]]
    order, numbers = align_orders(w, [condition, *choices], rank_of(node.outputs[0]))
    held = w.graph.tensors[numbers[1]]
    kind_of = w.work_kind() if w.integer else None
    w.put(w.op("SELECT_V2", numbers, dtype=held.dtype, kind=kind_of), order)


def is_where(w: NodeEmission, node: ir.Node) -> bool:
    """Whether both choices are computed."""
    return all(constant(value) is None for value in node.inputs[1:])


def cast(w: NodeEmission, node: ir.Node) -> None:
    """Another element type; floats go towards zero."""
    item, value = w.item(node.inputs[0]), node.outputs[0]
    assert value.dtype is not None
    dtype = value.dtype.numpy().name if value.dtype != ir.DataType.BOOL else "bool"
    x = w.tensor(item, item.order)
    if item.dtype == "float32" and dtype in ("int8", "uint8"):
        limits = np.iinfo(dtype)
        x = w.op("MAXIMUM", [x, w.real_constant(limits.min)])
        x = w.op("CAST", [w.op("MINIMUM", [x, w.real_constant(limits.max)])], dtype="int32")
    if dtype == "bool" and item.dtype != "bool":
        zero = w.constant(np.zeros((), item.dtype if item.dtype not in NARROW else "int32"))
        w.put(w.op("NOT_EQUAL", [wide(w, x), zero], dtype="bool"), item.order)
        return
    w.put(w.op("CAST", [x], dtype=dtype), item.order)


def strange(w: NodeEmission, node: ir.Node) -> None:
    """IsNaN, IsInf."""
    item = w.item(node.inputs[0])
    x, order = w.tensor(item, item.order), item.order
    if node.op_type == "IsNaN":
        w.put(w.op("NOT_EQUAL", [x, x], w.shape(x), "bool"), order)
        return
    found = []
    for name, end in (("detect_positive", np.inf), ("detect_negative", -np.inf)):
        if attribute(node, name, 1):
            found.append(w.op("EQUAL", [x, w.real_constant(end)], dtype="bool"))
    if not found:
        raise LiteRTRefused("neither infinity is looked for", "at least one")
    w.put(found[0] if len(found) == 1 else w.op("LOGICAL_OR", found), order)


def prelu(w: NodeEmission, node: ir.Node) -> None:
    """One slope per element, broadcast, or the same for all: then LEAKY_RELU."""
    slopes = w.array(node.inputs[1])
    item = w.item(node.inputs[0])
    order = item.order
    x = w.tensor(item, order)
    if slopes is not None and slopes.size == 1:
        alpha = float(np.ravel(slopes)[0])
        w.result("LEAKY_RELU", [x], order, options("LeakyRelu", alpha=alpha))
        return
    if w.integer:
        assert slopes is not None
        w.result("PRELU", [x, _slopes(w, slopes, order, rank_of(node.outputs[0]))], order)
        return
    order, (x, slope) = operands(w, node)
    if slopes is not None and w.shape(slope)[:1] == (1,) and len(order) == len(w.shape(slope)):
        slope = w.constant(np.ascontiguousarray(w.graph_array(slope)[0]))
    w.result("PRELU", [x, slope], order)


def _slopes(w: NodeEmission, slopes: np.ndarray, order: Order, rank: int) -> int:
    """Slopes of a layer of integers, in 8 bits, laid out as x but for the batch."""
    real = slopes.reshape([1] * (rank - slopes.ndim) + list(slopes.shape))
    peak = float(np.abs(real).max()) or 1.0
    kind = QuantType("int8", float(np.float32(peak / 127)), 0)
    whole = real.transpose([axis for axis in order if axis >= 0])
    shape = [1 if axis < 0 else real.shape[axis] for axis in order]
    q = np.clip(np.rint(whole.astype(np.float64) / kind.scale), -127, 127).astype(np.int8)
    return w.constant(np.ascontiguousarray(q.reshape(shape)[0]), kind)


def is_prelu(w: NodeEmission, node: ir.Node) -> bool:
    """Whether it has 8 bits, and constant slopes that 8 bits hold within half a step of the result."""
    slopes, frame = w.array(node.inputs[1]), w.frame(node)
    item = w.ints.get(node.inputs[0]) if node.inputs[0] is not None else None
    if slopes is None or frame is None or item is None or item.kind is None:
        return False
    if "int16" in (item.kind.dtype, frame[1].dtype):
        return False
    if slopes.size == 1:
        return True
    farthest = 128 + item.kind.zero_point  # steps below zero
    rounding = farthest * 0.5 * float(np.abs(slopes).max()) / 127 * item.kind.scale / frame[1].scale
    return rounding <= FINEST_SLOPES


FINEST_SLOPES = 0.5


def product_sum(w: NodeEmission, node: ir.Node) -> None:
    """A b + sign c d."""
    order, (a, b, c, d) = operands(w, node)
    builtin = "ADD" if attribute(node, "sign", 1.0) > 0 else "SUB"
    w.put(w.op(builtin, [w.op("MUL", [a, b]), w.op("MUL", [c, d])]), order)


def magnitude(w: NodeEmission, node: ir.Node) -> None:
    """sqrt(a^2 + b^2 + epsilon)."""
    order, (a, b) = operands(w, node)
    power = w.op("ADD", [_square(w, a), _square(w, b)])
    lift = float(attribute(node, "epsilon", 0.0))
    w.put(w.op("SQRT", [w.op("ADD", [power, w.real_constant(lift)])]), order)
