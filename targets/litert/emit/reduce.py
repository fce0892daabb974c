"""Reductions, softmax and its like, normalizations."""

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from edgekit.graph.litert_builtins import BUILTINS
from edgekit.graph.nodes import attribute
from edgekit.operators.geometry import dims, ints, optional
from edgekit.operators.reduce import SUMS
from edgekit.operators.roles import constant, reduced_axes
from edgekit.operators.scheme import QuantType
from edgekit.targets.litert.emit.base import (
    axis_last,
    expand_rank,
    order_without_axes,
    requantize_operand,
)
from edgekit.targets.litert.emit.elementwise import cast_to_result, wide
from edgekit.targets.litert.emit.movement import reshape_tensors
from edgekit.targets.litert.emit.pointwise import FINEST
from edgekit.targets.litert.file import options
from edgekit.targets.litert.node_emission import Item, LiteRTRefused, NodeEmission
from edgekit.targets.litert.orders import Order, natural

PROBABILITY = QuantType("int8", 2.0**-8, -128)  # the output of LiteRT's softmax


def reduce_axes(
    w: NodeEmission,
    builtin: str,
    x: int,
    order: Order,
    axes: Sequence[int],
    kind: QuantType | None = None,
) -> int:
    """A reduction along logical axes that keeps them with extent 1."""
    places = sorted(order.index(axis) for axis in axes)
    shape = [1 if i in places else n for i, n in enumerate(w.shape(x))]
    chosen = options("Reducer", keepDims=True)
    dtype = w.graph.tensors[x].dtype if kind is None else None
    return w.op(builtin, [x, w.ints_constant(places)], shape, dtype, kind, chosen)


def reduce(w: NodeEmission, node: ir.Node) -> None:
    """Every reduction; of integers LiteRT's own requantizes."""
    if any(v is not None and constant(v) is None for v in node.inputs[1:]):
        raise LiteRTRefused("computed axes", "constants")
    axes = reduced_axes(node)
    extreme = node.op_type in ("ReduceMax", "ReduceMin")
    item = requantize_operand(w, node.inputs[0]) if extreme else w.item(node.inputs[0])
    order = item.order
    x = w.tensor(item, order)
    if w.integer and node.op_type == "ReduceSum":
        y = _sum_of_integers(w, x, order, axes)
    elif w.integer:
        y = reduce_axes(w, BUILTINS[node.op_type], x, order, axes, w.work_kind())
    else:
        y = cast_to_result(w, _folded_real(w, node, wide(w, x), order, axes), item.dtype)
    kept = dims(node.outputs[0])
    if len(kept) < len(item.shape):
        order = order_without_axes(order, axes)
    w.put(y, order)


def _sum_of_integers(w: NodeEmission, x: int, order: Order, axes: Sequence[int]) -> int:
    """A mean in steps as many times finer: the integers of the sum, which LiteRT's own SUM gets wrong."""
    kind, count = w.work_kind(), int(np.prod([w.shape(x)[order.index(axis)] for axis in axes]))
    finer = QuantType(kind.dtype, float(np.float32(kind.scale / count)), kind.zero_point)
    return w.relabelled(reduce_axes(w, "MEAN", x, order, axes, finer), kind)


def _folded_real(w: NodeEmission, node: ir.Node, x: int, order: Order, axes: Sequence[int]) -> int:
    op = node.op_type
    if not axes:
        return _identity_reduction(w, op, x)
    if op in BUILTINS:
        if w.graph.tensors[x].dtype == "bool":
            builtin = "REDUCE_ANY" if op == "ReduceMax" else "REDUCE_ALL"
            return reduce_axes(w, builtin, x, order, axes)
        return reduce_axes(w, BUILTINS[op], x, order, axes)
    if op == "ReduceLogSumExp":
        peak = reduce_axes(w, "REDUCE_MAX", x, order, axes)
        total = reduce_axes(w, "SUM", w.op("EXP", [w.op("SUB", [x, peak])]), order, axes)
        return w.op("ADD", [w.op("LOG", [total]), peak])
    before, after = SUMS[op]
    if before is not None:
        x = _size(w, x) if before == "size" else w.op("MUL", [x, x])
    total = reduce_axes(w, "SUM", x, order, axes)
    return total if after is None else w.op("SQRT" if after == "root" else "LOG", [total])


def _size(w: NodeEmission, x: int) -> int:
    if w.graph.tensors[x].dtype == "float32":
        return w.op("ABS", [x])
    minus = w.constant(np.full(1, -1, w.graph.tensors[x].dtype))
    return w.op("MAXIMUM", [x, w.op("MUL", [x, minus])])


def _identity_reduction(w: NodeEmission, op: str, x: int) -> int:
    """A reduction along no axis."""
    if op in BUILTINS:
        return w.reshaped(x, w.shape(x))
    if op in ("ReduceL1", "ReduceL2"):
        return _size(w, x)
    raise LiteRTRefused("no axes", "one at least")


def mean_square(w: NodeEmission, node: ir.Node) -> None:
    """The mean of squares."""
    item = w.item(node.inputs[0])
    order, axes = item.order, [a % len(item.shape) for a in ints(node, "axes", [])]
    x = w.tensor(item, order)
    y = reduce_axes(w, "MEAN", w.op("MUL", [x, x]), order, axes)
    kept = len(dims(node.outputs[0])) == len(item.shape)
    w.put(y, order if kept else order_without_axes(order, axes))


def softmax(w: NodeEmission, node: ir.Node) -> None:
    """SOFTMAX and LOG_SOFTMAX work along the axis that is stored last."""
    item = w.item(node.inputs[0])
    axis = int(attribute(node, "axis", -1)) % len(item.shape)
    order = item.order if item.order[-1] == axis else axis_last(item.order, axis)
    x = w.tensor(item, order)
    if node.op_type == "LogSoftmax":
        w.result("LOG_SOFTMAX", [x], order)
        return
    chosen = options("Softmax", beta=1.0)
    if w.integer:
        w.put(w.op("SOFTMAX", [x], kind=PROBABILITY, chosen=chosen), order)
    else:
        w.result("SOFTMAX", [x], order, chosen)


def is_softmax(w: NodeEmission, node: ir.Node) -> bool:
    """Whether it has 8 bits, and LiteRT's step is fine enough for ours."""
    frame = w.frame(node)
    item = w.ints.get(node.inputs[0]) if node.inputs[0] is not None else None
    fits = (
        frame is not None
        and frame[1].dtype == "int8"
        and frame[1].scale >= FINEST * PROBABILITY.scale
    )
    return fits and item is not None and item.kind is not None and item.kind.dtype == "int8"


def arg(w: NodeEmission, node: ir.Node) -> None:
    """The place of the largest or smallest; of several the first."""
    if attribute(node, "select_last_index", 0):
        raise LiteRTRefused("the last of equal ones", "the first: select_last_index = 0")
    item = w.item(node.inputs[0])
    order, axis = item.order, int(attribute(node, "axis", 0)) % len(item.shape)
    from ai_edge_litert.schema_py_generated import TensorType

    name = "ArgMax" if node.op_type == "ArgMax" else "ArgMin"
    x = wide(w, w.tensor(item, order))
    if w.graph.tensors[x].dtype == "int64":
        raise LiteRTRefused("int64 elements", "float32 or int32")
    place = order.index(axis)
    shape = [n for i, n in enumerate(w.shape(x)) if i != place]
    chosen = options(name, outputType=TensorType.INT64)
    y = w.op(
        f"ARG_{name[3:].upper()}", [x, w.scalar(np.int32(place))], shape, "int64", chosen=chosen
    )
    kept = [n for i, n in enumerate(w.shape(x))]
    kept[place] = 1
    y = w.reshaped(y, kept)
    w.put(
        y,
        order
        if len(dims(node.outputs[0])) == len(item.shape)
        else order_without_axes(order, [axis]),
    )


def hardmax(w: NodeEmission, node: ir.Node) -> None:
    """1 at the first of the largest, else 0."""
    item = w.item(node.inputs[0])
    axis = int(attribute(node, "axis", -1)) % len(item.shape)
    order = axis_last(natural(len(item.shape)), axis)
    from ai_edge_litert.schema_py_generated import TensorType

    x = w.tensor(item, order)
    place = w.op(
        "ARG_MAX",
        [x, w.scalar(np.int32(len(order) - 1))],
        w.shape(x)[:-1],
        "int32",
        chosen=options("ArgMax", outputType=TensorType.INT32),
    )
    depth, one, zero = (
        w.scalar(np.int32(item.shape[axis])),
        w.scalar(np.float32(1)),
        w.scalar(np.float32(0)),
    )
    w.put(
        w.op(
            "ONE_HOT",
            [place, depth, one, zero],
            w.shape(x),
            "float32",
            chosen=options("OneHot", axis=-1),
        ),
        order,
    )


def cumsum(w: NodeEmission, node: ir.Node) -> None:
    """CUMSUM."""
    item = w.item(node.inputs[0])
    axis = constant(node.inputs[1])
    if axis is None:
        raise LiteRTRefused("a computed axis", "a constant")
    order = item.order
    place = order.index(int(np.ravel(axis)[0]) % len(item.shape))
    chosen = options(
        "Cumsum",
        exclusive=bool(attribute(node, "exclusive", 0)),
        reverse=bool(attribute(node, "reverse", 0)),
    )
    w.result("CUMSUM", [w.tensor(item, order), w.scalar(np.int32(place))], order, chosen)


def lp_normalization(w: NodeEmission, node: ir.Node) -> None:
    """Divided by the sum of sizes, or the root of the sum of squares."""
    item = w.item(node.inputs[0])
    order, axis = item.order, int(attribute(node, "axis", -1)) % len(item.shape)
    x = w.tensor(item, order)
    if int(attribute(node, "p", 2)) == 1:
        norm = reduce_axes(w, "SUM", w.op("ABS", [x]), order, [axis])
    else:
        norm = w.op("SQRT", [reduce_axes(w, "SUM", w.op("MUL", [x, x]), order, [axis])])
    w.put(w.op("DIV", [x, norm]), order)


def layer_normalization(w: NodeEmission, node: ir.Node) -> None:
    """Spelled out; also gives mean and inverse deviation where they are read."""
    item = w.item(node.inputs[0])
    rank = len(item.shape)
    order, axes = item.order, range(int(attribute(node, "axis", -1)) % rank, rank)
    x = w.tensor(item, order)
    mean, inverse, y = normalize_axes(w, x, order, axes, float(attribute(node, "epsilon", 1e-5)))
    for builtin, value in zip(("MUL", "ADD"), (node.inputs[1], optional(node, 2)), strict=True):
        if value is not None:
            y = w.op(builtin, [y, _ranked_tensor(w, value, order, rank)])
    w.put(y, order)
    for i, number in ((1, mean), (2, inverse)):
        if len(node.outputs) > i and (node.outputs[i].uses() or node.outputs[i].is_graph_output()):
            w.put(w.reshaped(number, w.shape(number)), order, i)


def normalize_axes(
    w: NodeEmission, x: int, order: Order, axes: Sequence[int], epsilon: float
) -> tuple[int, int, int]:
    """Mean, inverse deviation and the normalized values."""
    mean = reduce_axes(w, "MEAN", x, order, axes)
    centred = w.op("SUB", [x, mean])
    variance = reduce_axes(w, "MEAN", w.op("MUL", [centred, centred]), order, axes)
    inverse = w.op("RSQRT", [w.op("ADD", [variance, w.real_constant([epsilon])])])
    return mean, inverse, w.op("MUL", [centred, inverse])


def _ranked_tensor(w: NodeEmission, value: ir.Value, order: Order, rank: int) -> int:

    return w.tensor(expand_rank(w, w.item(value), rank), order)


def instance_normalization(w: NodeEmission, node: ir.Node) -> None:
    """Every channel of every image by its own mean and deviation."""
    item = w.item(node.inputs[0])
    rank = len(item.shape)
    order = item.order
    x = w.tensor(item, order)
    _, _, y = normalize_axes(w, x, order, range(2, rank), float(attribute(node, "epsilon", 1e-5)))
    for builtin, value in zip(("MUL", "ADD"), node.inputs[1:3], strict=True):
        y = w.op(builtin, [y, _per_channel(w, value, order, rank)])
    w.put(y, order)


def _per_channel(w: NodeEmission, value: ir.Value | None, order: Order, rank: int) -> int:
    item = w.item(value)
    shape = (1, item.shape[0], *[1] * (rank - 2))
    new = Item(item.name, shape, item.dtype, None, None, reshape_tensors(w, item, shape))
    return w.tensor(new, order)


def batch_normalization(w: NodeEmission, node: ir.Node) -> None:
    """(x - mean) / sqrt(variance + epsilon) * scale + bias, all per channel and computed."""
    item = w.item(node.inputs[0])
    order, rank = item.order, len(item.shape)
    scale, bias, mean, variance = (
        _per_channel(w, value, order, rank) for value in node.inputs[1:5]
    )
    lifted = w.op("ADD", [variance, w.real_constant([float(attribute(node, "epsilon", 1e-5))])])
    factor = w.op("MUL", [scale, w.op("RSQRT", [lifted])])
    centred = w.op("SUB", [w.tensor(item, order), mean])
    w.put(w.op("ADD", [w.op("MUL", [centred, factor]), bias]), order)


def is_fold(w: NodeEmission, node: ir.Node) -> bool:
    """Sums and means, and extremes; along constant axes."""
    return all(v is None or constant(v) is not None for v in node.inputs[1:])
