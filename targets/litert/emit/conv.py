"""Convolutions, with one or two axes, and transposed ones; products with constant matrices."""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.operators.geometry import ConvShape, conv_shape, dims, optional
from edgekit.operators.qdq import Weight
from edgekit.operators.roles import constant
from edgekit.operators.scheme import QuantType
from edgekit.targets.litert.emit.base import expand_rank, rank_of
from edgekit.targets.litert.file import Scales, options, set_activation
from edgekit.targets.litert.node_emission import Item, LiteRTRefused, NodeEmission
from edgekit.targets.litert.orders import Order, channels_last, natural

SAME, VALID = 0, 1


@dataclass(frozen=True)
class Rows:
    """Weights (output channels, input channels of a group, k_h, k_w), with one scale per output channel."""

    q: Array
    scales: Array | None


def conv(w: NodeEmission, node: ir.Node) -> None:
    """CONV_2D, or DEPTHWISE_CONV_2D where every group has one channel."""
    shape, order = geometry(node)
    x = w.tensor(w.item(node.inputs[0]), order)
    trailing = _trailing_padding(shape)
    x, padding = pad_input(w, x, shape, trailing)
    rows = _rows(w, node, shape)
    depthwise = shape.groups == shape.in_c and shape.groups > 1
    bias = _bias(w, node, shape.out_c, rows)
    if rows is None:
        if shape.groups != 1:
            raise LiteRTRefused("computed weights of groups", "constant weights, or one group")
        weights = w.tensor(w.item(node.inputs[1]), channels_last(rank_of(node.inputs[1])))
    else:
        weights = _kernel(w, rows, depthwise)
    steps = {
        "padding": padding,
        "strideH": shape.stride_h,
        "strideW": shape.stride_w,
        "dilationHFactor": shape.dil_h,
        "dilationWFactor": shape.dil_w,
    }
    if depthwise:
        many = options("DepthwiseConv2D", depthMultiplier=shape.out_c // shape.in_c, **steps)
        w.result("DEPTHWISE_CONV_2D", [x, weights, bias], order, many)
    else:
        w.result("CONV_2D", [x, weights, bias], order, options("Conv2D", **steps))


def geometry(node: ir.Node) -> tuple[ConvShape, Order]:
    """Sizes, and the order of both ends."""
    rank = rank_of(node.inputs[0])
    if rank not in (3, 4):
        raise LiteRTRefused(f"{rank - 2} spatial axes", "1 or 2")
    return conv_shape(node, list(dims(node.inputs[1])[2:])), channels_last(rank)


def _trailing_padding(s: ConvShape) -> tuple[int, int]:
    """Return padding after both axes that the last output needs; below 0 where it leaves some input unread."""
    sizes = (
        (s.out_h, s.stride_h, s.k_h, s.dil_h, s.in_h, s.pad_top),
        (s.out_w, s.stride_w, s.k_w, s.dil_w, s.in_w, s.pad_left),
    )
    bottom, right = ((o - 1) * t + (k - 1) * d + 1 - n - p for o, t, k, d, n, p in sizes)
    return bottom, right


def pad_input(w: NodeEmission, x: int, s: ConvShape, trailing: tuple[int, int]) -> tuple[int, int]:
    """The input, padded where LiteRT's two ways do not say it, and the way that is left."""
    ends = [max(0, end) for end in trailing]
    leads = [s.pad_top, s.pad_left]
    if not any([*leads, *ends]):
        return x, VALID
    same = all(
        max((-(-n // t) - 1) * t + (k - 1) * d + 1 - n, 0) == lead + end
        and lead == (lead + end) // 2
        and out == -(-n // t)
        for n, t, k, d, lead, end, out in (
            (s.in_h, s.stride_h, s.k_h, s.dil_h, leads[0], ends[0], s.out_h),
            (s.in_w, s.stride_w, s.k_w, s.dil_w, leads[1], ends[1], s.out_w),
        )
    )
    if same:
        return x, SAME
    return pad(w, x, [(0, 0), (leads[0], ends[0]), (leads[1], ends[1]), (0, 0)]), VALID


def pad(w: NodeEmission, x: int, widths: list[tuple[int, int]]) -> int:
    """Zeros around a tensor; of integers their zero point."""
    if not any(low or high for low, high in widths):
        return x
    shape = [n + low + high for n, (low, high) in zip(w.shape(x), widths, strict=True)]
    return w.op("PAD", [x, w.constant(np.array(widths, np.int32))], shape)


def _rows(w: NodeEmission, node: ir.Node, s: ConvShape) -> Rows | None:
    """The constant weights of a convolution."""
    value = node.inputs[1]
    assert value is not None
    weight = w.weights.get(value)
    if weight is None or not w.integer:
        array = w.array(value)
        if array is None:
            return None
        return Rows(_by_output(array, node.op_type, s), None)
    scale = np.broadcast_to(weight.scale, weight.q.shape)
    scales = _by_output(scale, node.op_type, s).reshape(s.out_c, -1)[:, 0]
    return Rows(_by_output(weight.q.astype(np.int8), node.op_type, s), scales)


def _by_output(array: Array, op_type: str, s: ConvShape) -> Array:
    """(out_c, in_c / groups, k_h, k_w) of any convolution's weights."""
    if op_type == "Conv":
        return array.reshape(s.out_c, s.in_c // s.groups, s.k_h, s.k_w)
    each = s.out_c // s.groups
    grouped = array.reshape(s.groups, s.in_c // s.groups, each, s.k_h, s.k_w).transpose(
        0, 2, 1, 3, 4
    )
    return grouped.reshape(s.out_c, s.in_c // s.groups, s.k_h, s.k_w)


def _kernel(w: NodeEmission, rows: Rows, depthwise: bool) -> int:
    array = rows.q.transpose(1, 2, 3, 0) if depthwise else rows.q.transpose(0, 2, 3, 1)
    array = np.ascontiguousarray(array)
    if rows.scales is None:
        return w.factors(array)
    scales = Scales(tuple(map(float, rows.scales)), 0, 3 if depthwise else 0)
    return w.graph.constant("weights", array, scales)


def _bias(w: NodeEmission, node: ir.Node, channels: int, rows: Rows | None) -> int:
    value = optional(node, 2)
    if value is not None and w.array(value) is None:
        return w.flat(w.item(value))
    real = np.zeros(channels, np.float32) if value is None else np.ravel(w.array(value))  # type: ignore[arg-type]
    real = np.broadcast_to(real, (channels,))
    if rows is None or rows.scales is None:
        return w.constant(np.ascontiguousarray(real, np.float32))
    stored = None if value is None else w.weights.get(value)
    return _int_bias(w, node, real, rows.scales, stored)


def _int_bias(
    w: NodeEmission, node: ir.Node, real: Array, scales: Array, stored: Weight | None
) -> int:
    """A bias in the unit of the sums; as it is stored, where it is so in that unit."""
    kind = w.item(node.inputs[0]).kind
    assert kind is not None
    unit = np.float64(kind.scale) * scales.astype(np.float64)
    is_int8 = kind.dtype == "int8"
    dtype, limit = (np.int32, 2**31 - 1) if is_int8 else (np.int64, 2**47)
    if stored is not None and is_int8 and np.allclose(stored.scale.ravel(), unit, rtol=1e-6):
        q = np.broadcast_to(stored.q.ravel(), real.shape).astype(np.int64)
    else:
        q = np.clip(np.rint(real.astype(np.float64) / unit), -limit, limit)
    units = Scales(tuple(float(np.float32(u)) for u in unit))
    return w.graph.constant("bias", np.ascontiguousarray(q.astype(dtype)), units)


def is_conv(w: NodeEmission, node: ir.Node) -> bool:
    """Whether it has constant weights around 0."""
    weight = w.weights.get(node.inputs[1]) if node.inputs[1] is not None else None
    bias = optional(node, 2)
    return (
        weight is not None
        and weight.zero_point == 0
        and (bias is None or w.array(bias) is not None)
    )


def transpose(w: NodeEmission, node: ir.Node) -> None:
    """Emit TRANSPOSE_CONV for one group and no dilation, else a convolution over an input with gaps."""
    s, order = geometry(node)
    rows = _rows(w, node, s)
    if rows is None:
        raise LiteRTRefused("computed weights", "constant weights")
    x = w.tensor(w.item(node.inputs[0]), order)
    stretched = (s.in_h - 1) * s.stride_h + s.k_h, (s.in_w - 1) * s.stride_w + s.k_w
    fits = s.out_h + s.pad_top <= stretched[0] and s.out_w + s.pad_left <= stretched[1]
    if s.groups == 1 and s.dil_h == s.dil_w == 1 and fits and (s.stride_h > 1 or s.stride_w > 1):
        _transpose_conv(w, node, s, order, x, rows, stretched)
    else:
        _with_gaps(w, node, s, order, x, rows)


def _transpose_conv(
    w: NodeEmission,
    node: ir.Node,
    s: ConvShape,
    order: Order,
    x: int,
    rows: Rows,
    whole: tuple[int, int],
) -> None:
    batch = w.shape(x)[0]
    full = [batch, *whole, s.out_c]
    bias = _bias(w, node, s.out_c, rows)
    chosen = options("TransposeConv", padding=VALID, strideH=s.stride_h, strideW=s.stride_w)
    inputs = [w.ints_constant(full), _kernel(w, rows, False), x, bias]
    if (s.pad_top, s.pad_left) == (0, 0) and whole == (s.out_h, s.out_w):
        w.result("TRANSPOSE_CONV", inputs, order, chosen)
        return
    y = w.op(
        "TRANSPOSE_CONV", inputs, full, "float32", w.work_kind() if w.integer else None, chosen
    )
    begin, size = [0, s.pad_top, s.pad_left, 0], [batch, s.out_h, s.out_w, s.out_c]
    y = w.op("SLICE", [y, w.ints_constant(begin), w.ints_constant(size)], size)
    w.finish(y, order)


def _with_gaps(
    w: NodeEmission, node: ir.Node, s: ConvShape, order: Order, x: int, rows: Rows
) -> None:
    """Put zeros between the samples, then run a convolution with the kernel reversed."""
    x = _gaps(w, x, 1, s.stride_h)
    x = _gaps(w, x, 2, s.stride_w)
    reach = s.dil_h * (s.k_h - 1), s.dil_w * (s.k_w - 1)
    widths = [(0, 0)]
    for axis, out, lead, far in (
        (1, s.out_h, s.pad_top, reach[0]),
        (2, s.out_w, s.pad_left, reach[1]),
    ):
        before = far - lead
        widths.append((before, out + far - before - w.shape(x)[axis]))
    x = pad(
        w,
        _crop_negative_padding(w, x, widths),
        [(max(a, 0), max(b, 0)) for a, b in [*widths, (0, 0)]],
    )
    turned = Rows(np.ascontiguousarray(rows.q[:, :, ::-1, ::-1]), rows.scales)
    depthwise = s.groups == s.in_c and s.groups > 1
    inputs = [x, _kernel(w, turned, depthwise), _bias(w, node, s.out_c, rows)]
    steps = {
        "padding": VALID,
        "strideH": 1,
        "strideW": 1,
        "dilationHFactor": s.dil_h,
        "dilationWFactor": s.dil_w,
    }
    if depthwise:
        many = options("DepthwiseConv2D", depthMultiplier=s.out_c // s.in_c, **steps)
        w.result("DEPTHWISE_CONV_2D", inputs, order, many)
    else:
        w.result("CONV_2D", inputs, order, options("Conv2D", **steps))


def _gaps(w: NodeEmission, x: int, axis: int, stride: int) -> int:
    """Put stride - 1 zeros after every sample of an axis of (n, h, w, c)."""
    if stride == 1:
        return x
    shape = w.shape(x)
    rows, inner = int(np.prod(shape[: axis + 1])), int(np.prod(shape[axis + 1 :]))
    wide = pad(w, w.reshaped(x, (rows, 1, inner)), [(0, 0), (0, stride - 1), (0, 0)])
    longer = [n * stride if i == axis else n for i, n in enumerate(shape)]
    return w.reshaped(wide, longer)


def _crop_negative_padding(w: NodeEmission, x: int, widths: list[tuple[int, int]]) -> int:
    """Return x without the parts that negative padding removes."""
    begin = [max(-low, 0) for low, _ in widths] + [0]
    end = [max(-high, 0) for _, high in widths] + [0]
    if not any(begin + end):
        return x
    size = [n - b - e for n, b, e in zip(w.shape(x), begin, end, strict=True)]
    return w.op("SLICE", [x, w.ints_constant(begin), w.ints_constant(size)], size)


def linear(w: NodeEmission, node: ir.Node) -> None:
    """FULLY_CONNECTED by a constant matrix; of integers a convolution of one tap.

    Older interpreters know scales per output channel in convolutions only.
    """
    item = w.item(node.inputs[0])
    matrix, scales = _matrix(w, node)
    rank = len(item.shape)
    order = next((o for o in item.tensors if o[-1] == rank - 1), natural(rank))
    x = w.tensor(item, order)
    bias = _bias(w, node, len(matrix), Rows(matrix, scales))
    if scales is None:
        weights = w.factors(matrix)
        chosen = options("FullyConnected", keepNumDims=len(order) > 2)
        w.result("FULLY_CONNECTED", [x, weights, bias], order, chosen)
        return
    y = one_tap(w, x, matrix, scales, bias)
    w.put(w.reshaped(y, (*w.shape(x)[:-1], len(matrix))), order)


def one_tap(
    w: NodeEmission, x: int, matrix: Array, scales: Array, bias: int, kind: QuantType | None = None
) -> int:
    """Multiply rows of integers (..., inputs) by a matrix (outputs, inputs): (rows, 1, 1, outputs).

    The result has the node's type, with its activation, unless `kind` names another.
    """
    rows = int(np.prod(w.shape(x)[:-1]))
    image = w.reshaped(x, (rows, 1, 1, matrix.shape[1]))
    kernel = np.ascontiguousarray(matrix.astype(np.int8)[:, None, None, :])
    weights = w.graph.constant("weights", kernel, Scales(tuple(map(float, scales))))
    chosen = options("Conv2D", padding=VALID, strideH=1, strideW=1)
    if kind is None:
        set_activation(chosen, w.activation())
        kind = w.work_kind()
    return w.op(
        "CONV_2D", [image, weights, bias], (rows, 1, 1, len(matrix)), kind=kind, chosen=chosen
    )


def _matrix(w: NodeEmission, node: ir.Node) -> tuple[Array, Array | None]:
    """The weights as (outputs, inputs), and their scales where the node runs in integers."""
    value = node.inputs[1]
    assert value is not None
    turned = node.op_type == "Gemm" and bool(
        node.attributes.get("transB") and node.attributes["transB"].as_int()
    )

    def rows(array: Array) -> Array:
        return array if turned else array.T

    weight: Weight | None = w.weights.get(value)
    if w.integer and weight is not None:
        scale = np.broadcast_to(weight.scale, weight.q.shape)
        return rows(weight.q.astype(np.int8)), rows(scale)[:, 0]
    array = w.array(value)
    assert array is not None
    return rows(array), None


def gemm(w: NodeEmission, node: ir.Node) -> None:
    """Gemm by constant weights; others have become MatMul."""
    if w.array(node.inputs[1]) is None:
        raise LiteRTRefused("a computed matrix", "constant weights")
    linear(w, node)


def matmul(w: NodeEmission, node: ir.Node) -> None:
    """BATCH_MATMUL, or FULLY_CONNECTED by a constant matrix."""
    a, b = (w.item(value) for value in node.inputs)
    if (
        constant(node.inputs[1]) is not None
        and len(b.shape) == 2
        and len(a.shape) > 1
        and not w.integer
    ):
        linear(w, node)
        return
    rank = max(2, len(a.shape), len(b.shape))
    left = _as_matrix(w, a, (1, *a.shape) if len(a.shape) == 1 else a.shape, rank)
    right = _as_matrix(w, b, (*b.shape, 1) if len(b.shape) == 1 else b.shape, rank)
    shapes = w.shape(left), w.shape(right)
    lead = np.broadcast_shapes(shapes[0][:-2], shapes[1][:-2])
    shape = (*lead, shapes[0][-2], shapes[1][-1])
    kind = w.work_kind() if w.integer else None
    y = w.op("BATCH_MATMUL", [left, right], shape, "float32", kind, options("BatchMatMul"))
    out = dims(node.outputs[0])
    w.put(w.reshaped(y, out), natural(len(out)))


def _as_matrix(w: NodeEmission, item: Item, shape: tuple[int, ...], rank: int) -> int:
    if shape == item.shape:
        return w.tensor(expand_rank(w, item, rank), natural(rank))
    return w.reshaped(w.flat(item), (*[1] * (rank - len(shape)), *shape))
