"""Pooling over one or two axes, or all of them."""

import numpy as np
import onnx_ir as ir

from edgekit.graph.nodes import attribute
from edgekit.operators.geometry import dims
from edgekit.operators.pooling.twin import Pool, pool_of
from edgekit.targets.litert.emit.base import rank_of, requantize_operand
from edgekit.targets.litert.emit.conv import VALID, pad
from edgekit.targets.litert.emit.reduce import reduce_axes
from edgekit.targets.litert.file import Scales, options
from edgekit.targets.litert.node_emission import LiteRTRefused, NodeEmission
from edgekit.targets.litert.orders import Order, channels_last

LOWEST: dict[str, float] = {
    "float32": float(np.finfo(np.float32).min),
    "int8": -128,
    "int16": -32768,
}


def global_pool(w: NodeEmission, node: ir.Node) -> None:
    """MEAN or REDUCE_MAX over all axes but batch and channels."""
    extreme = node.op_type == "GlobalMaxPool"
    item = requantize_operand(w, node.inputs[0]) if extreme else w.item(node.inputs[0])
    axes = range(2, len(item.shape))
    x = w.tensor(item, item.order)
    if node.op_type == "GlobalLpPool":
        w.put(
            _root(w, reduce_axes(w, "SUM", _power(w, node, x), item.order, axes), node), item.order
        )
        return
    kind = w.work_kind() if w.integer else None
    builtin = "REDUCE_MAX" if extreme else "MEAN"
    w.put(reduce_axes(w, builtin, x, item.order, axes, kind), item.order)


def _power(w: NodeEmission, node: ir.Node, x: int) -> int:
    p = int(attribute(node, "p", 2))
    if p == 2:
        return w.op("MUL", [x, x])
    size = w.op("ABS", [x])
    return size if p == 1 else w.op("POW", [size, w.real_constant([p])])


def _root(w: NodeEmission, x: int, node: ir.Node) -> int:
    p = int(attribute(node, "p", 2))
    if p == 1:
        return x
    return w.op("SQRT", [x]) if p == 2 else w.op("POW", [x, w.real_constant([1 / p])])


def _windows(w: NodeEmission, node: ir.Node, x: int, fill: float | None) -> tuple[int, Pool]:
    """The input with its padding, so that every window lies inside; `fill` None for zeros."""
    pool = pool_of(node)
    s = pool.shape
    ends = [
        max(0, (out - 1) * t + (k - 1) * d + 1 - n - lead)
        for out, t, k, d, n, lead in (
            (s.out_h, s.stride_h, s.k_h, s.dil_h, s.in_h, s.pad_top),
            (s.out_w, s.stride_w, s.k_w, s.dil_w, s.in_w, s.pad_left),
        )
    ]
    widths = [(0, 0), (s.pad_top, ends[0]), (s.pad_left, ends[1]), (0, 0)]
    if fill is None or not any(a or b for a, b in widths):
        return pad(w, x, widths), pool
    held = w.graph.tensors[x]
    shape = [n + a + b for n, (a, b) in zip(w.shape(x), widths, strict=True)]
    value = w.graph.constant("lowest", np.full(1, fill, held.dtype), held.scales)
    return w.op("PADV2", [x, w.constant(np.array(widths, np.int32)), value], shape), pool


def _shape(w: NodeEmission, node: ir.Node, order: Order) -> list[int]:
    out = dims(node.outputs[0])
    return [1 if axis < 0 else out[axis] for axis in order]


def _tap(w: NodeEmission, x: int, pool: Pool, i: int, j: int) -> int:
    """Return the elements that one tap reads, over all windows."""
    s, whole = pool.shape, w.shape(x)
    begin = [0, i * s.dil_h, j * s.dil_w, 0]
    stride = [1, s.stride_h, s.stride_w, 1]
    end = [
        whole[0],
        begin[1] + (s.out_h - 1) * s.stride_h + 1,
        begin[2] + (s.out_w - 1) * s.stride_w + 1,
        whole[3],
    ]
    shape = [whole[0], s.out_h, s.out_w, whole[3]]
    parts = [x, *(w.ints_constant(v) for v in (begin, end, stride))]
    return w.op("STRIDED_SLICE", parts, shape, chosen=options("StridedSlice"))


def _pool_2d(w: NodeEmission, node: ir.Node, x: int, pool: Pool, builtin: str) -> int:
    """Emit MAX_POOL_2D or AVERAGE_POOL_2D of the padded input; dilated windows tap by tap."""
    s, order = pool.shape, channels_last(rank_of(node.inputs[0]))
    if s.dil_h == s.dil_w == 1:
        chosen = options(
            "Pool2D",
            padding=VALID,
            strideH=s.stride_h,
            strideW=s.stride_w,
            filterHeight=s.k_h,
            filterWidth=s.k_w,
        )
        return w.op(builtin, [x], _shape(w, node, order), chosen=chosen)
    taps = [_tap(w, x, pool, i, j) for i in range(s.k_h) for j in range(s.k_w)]
    total, combine = taps[0], "MAXIMUM" if builtin == "MAX_POOL_2D" else "ADD"
    for tap in taps[1:]:
        total = w.op(combine, [total, tap])
    return total if combine == "MAXIMUM" else w.op("MUL", [total, w.real_constant([1 / len(taps)])])


def _check(node: ir.Node) -> Order:
    rank = rank_of(node.inputs[0])
    if rank not in (3, 4):
        raise LiteRTRefused(f"{rank - 2} spatial axes", "1 or 2")
    return channels_last(rank)


def max_pool(w: NodeEmission, node: ir.Node) -> None:
    """MAX_POOL_2D."""
    order = _check(node)
    item = requantize_operand(w, node.inputs[0])
    x = w.tensor(item, order)
    x, pool = _windows(w, node, x, LOWEST[w.graph.tensors[x].dtype])
    w.put(_pool_2d(w, node, x, pool, "MAX_POOL_2D"), order)


def average_pool(w: NodeEmission, node: ir.Node) -> None:
    """AVERAGE_POOL_2D of zeros around the data, corrected where windows hold fewer.

    Of integers a depthwise convolution with weights of 127, because LiteRT's average does not change the scale.
    """
    order = _check(node)
    x, pool = _windows(w, node, w.tensor(w.item(node.inputs[0]), order), None)
    if w.integer:
        _average_of_integers(w, node, x, pool, order)
        return
    y = _pool_2d(w, node, x, pool, "AVERAGE_POOL_2D")
    taps = pool.shape.k_h * pool.shape.k_w
    counts = np.broadcast_to(pool.counts(), (pool.shape.out_h, pool.shape.out_w))
    if (counts != taps).any():
        y = w.op("MUL", [y, w.real_constant((taps / counts)[None, :, :, None])])
    w.put(y, order)


def _average_of_integers(w: NodeEmission, node: ir.Node, x: int, pool: Pool, order: Order) -> None:
    s, channels = pool.shape, w.shape(x)[3]
    weights = np.full((1, s.k_h, s.k_w, channels), 127, np.int8)
    scale = float(np.float32(1 / (127 * s.k_h * s.k_w)))
    kind = w.item(node.inputs[0]).kind
    assert kind is not None
    units = Scales(tuple([float(np.float32(kind.scale * scale))] * channels))
    kernel = w.graph.constant("weights", weights, Scales(tuple([scale] * channels), 0, 3))
    bias = w.graph.constant(
        "bias", np.zeros(channels, np.int32 if w.work == "int8" else np.int64), units
    )
    chosen = options(
        "DepthwiseConv2D",
        padding=VALID,
        strideH=s.stride_h,
        strideW=s.stride_w,
        depthMultiplier=1,
        dilationHFactor=s.dil_h,
        dilationWFactor=s.dil_w,
    )
    w.result("DEPTHWISE_CONV_2D", [x, kernel, bias], order, chosen)


def is_average(w: NodeEmission, node: ir.Node) -> bool:
    """Whether all windows hold equally many elements."""
    if rank_of(node.inputs[0]) not in (3, 4):
        return False
    pool = pool_of(node)
    return bool((pool.counts() == pool.shape.k_h * pool.shape.k_w).all())


def lp_pool(w: NodeEmission, node: ir.Node) -> None:
    """The root of a sum of powers."""
    order = _check(node)
    powers = _power(w, node, w.tensor(w.item(node.inputs[0]), order))
    x, pool = _windows(w, node, powers, None)
    mean = _pool_2d(w, node, x, pool, "AVERAGE_POOL_2D")
    total = w.op("MUL", [mean, w.real_constant([pool.shape.k_h * pool.shape.k_w])])
    w.put(_root(w, total, node), order)
