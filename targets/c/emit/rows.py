"""Reductions, softmax and layer normalization."""

import numpy as np
import onnx_ir as ir

from edgekit.errors import Problem
from edgekit.quantize.choose import constant
from edgekit.quantize.geometry import dims, ints
from edgekit.targets.c.emit.base import Context, float_literal, int_attribute, size, where
from edgekit.targets.c.emit.loops import contiguous, index, merge, nest

REDUCTIONS = {
    "ReduceSum": ("0.0f", "acc + x"),
    "ReduceMean": ("0.0f", "acc + x"),
    "ReduceMax": ("-EK_INF", "ek_maxf1(acc, x)"),
    "ReduceMin": ("EK_INF", "ek_minf1(acc, x)"),
}


def reduced_axes(node: ir.Node) -> list[int]:
    """The axes that a Reduce node folds."""
    rank = len(dims(node.inputs[0]))
    axes = constant(node.inputs[1]) if len(node.inputs) > 1 and node.inputs[1] is not None else None
    if axes is None or axes.size == 0:
        named = ints(node, "axes", [])
        empty = [] if int_attribute(node, "noop_with_empty_axes", 0) else list(range(rank))
        return sorted(a % rank for a in named) if named else empty
    return sorted(int(a) % rank for a in np.ravel(axes))


def emit_reduce(ctx: Context, node: ir.Node) -> None:
    """Fold some axes, in row-major order for every result."""
    x, y = node.inputs[0], node.outputs[0]
    shape, axes, strides = dims(x), reduced_axes(node), contiguous(dims(x))
    kept = [axis for axis in range(len(shape)) if axis not in axes]
    kept_shape = tuple(shape[axis] for axis in kept)
    outer = merge(kept_shape, [tuple(strides[a] for a in kept), contiguous(kept_shape)])
    inner = merge([shape[a] for a in axes], [tuple(strides[a] for a in axes)])
    start, update = REDUCTIONS[node.op_type]
    count = int(np.prod([shape[a] for a in axes]))
    result = f"acc / {float_literal(count)}" if node.op_type == "ReduceMean" else "acc"
    inner_lines = nest(inner, [f"const float x = row[{index(inner, 0)}];", f"acc = {update};"])
    renamed = [
        text.replace("i0", "j0").replace("i1", "j1").replace("i2", "j2") for text in inner_lines
    ]
    body = [
        f"const float *const row = {ctx.pointer(x)} + {index(outer, 0)};",
        f"float acc = {start};",
        *renamed,
        f"{ctx.pointer(y)}[{index(outer, 1)}] = {result};",
    ]
    for text in nest(outer, body):
        ctx.line(text)


def emit_softmax(ctx: Context, node: ir.Node) -> None:
    """Softmax over the last axis."""
    x, y = node.inputs[0], node.outputs[0]
    n = dims(x)[-1]
    ctx.call("ek_softmax_f32", ctx.pointer(x), ctx.pointer(y), size(x) // n, n)


def check_softmax(node: ir.Node) -> list[Problem]:
    """Only the last axis."""
    rank = len(dims(node.inputs[0]))
    if int_attribute(node, "axis", -1) % rank != rank - 1:
        return [
            Problem(where(node), "an inner axis", "the last axis", "transpose before and behind it")
        ]
    return []


def emit_layernorm(ctx: Context, node: ir.Node) -> None:
    """Layer normalization over the last axes."""
    x, scale, y = node.inputs[0], node.inputs[1], node.outputs[0]
    axis = int_attribute(node, "axis", -1) % len(dims(x))
    n = int(np.prod(dims(x)[axis:]))
    epsilon = node.attributes.get("epsilon")
    eps = float_literal(1e-5 if epsilon is None else epsilon.as_float())
    bias = node.inputs[2] if len(node.inputs) > 2 else None
    b = "NULL" if bias is None else ctx.pointer(bias)
    ctx.call(
        "ek_layernorm_f32",
        ctx.pointer(x),
        ctx.pointer(scale),
        b,
        eps,
        ctx.pointer(y),
        size(x) // n,
        n,
    )


def check_layernorm(node: ir.Node) -> list[Problem]:
    """Scale and bias of the normalized shape; mean and deviation not used."""
    axis = int_attribute(node, "axis", -1) % len(dims(node.inputs[0]))
    wanted = dims(node.inputs[0])[axis:]
    wrong = [v for v in node.inputs[1:] if v is not None and size(v) != int(np.prod(wanted))]
    extra = [v for v in node.outputs[1:] if v.uses() or v.is_graph_output()]
    if wrong or extra:
        found = f"scale or bias {dims(wrong[0])}" if wrong else "mean or deviation as outputs"
        return [
            Problem(where(node), found, f"shape {wanted}, one output", "rewrite the normalization")
        ]
    return []
