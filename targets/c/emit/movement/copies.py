"""Data movement: loops over strides that the shapes fix, memcpy where the inner run is contiguous."""

import math

import numpy as np
import onnx_ir as ir

from edgekit.base.errors import Problem
from edgekit.operators.geometry import dims, ints, optional
from edgekit.operators.indexing import pad, pad_mode
from edgekit.operators.qdq import ZERO_POINT
from edgekit.operators.roles import constant
from edgekit.targets.c.emit.base import Context, float_literal, int_attribute, node_label, size
from edgekit.targets.c.emit.constants import to_bind
from edgekit.targets.c.emit.movement.indexing import emit_by_index
from edgekit.targets.c.emit.movement.transpose import transpose_call_of_loops
from edgekit.targets.c.loops.strides import Loops, broadcast, contiguous, index, merge, nest


def emit_view(ctx: Context, node: ir.Node) -> None:
    """Reshape, Identity: nothing, unless the planner could not let both share their storage."""
    assert node.inputs[0] is not None
    ctx.copy(node.inputs[0], node.outputs[0])


def emit_transpose(ctx: Context, node: ir.Node) -> None:
    """Permuted copy."""
    x, y = node.inputs[0], node.outputs[0]
    permutation = ints(node, "perm", list(reversed(range(len(dims(x))))))
    strides = contiguous(dims(x))
    _emit_strided_copy(
        ctx, x, y, dims(y), tuple(strides[axis] for axis in permutation), contiguous(dims(y))
    )


def emit_slice(ctx: Context, node: ir.Node) -> None:
    """Copy of a strided part; negative steps too."""
    x, y = node.inputs[0], node.outputs[0]
    strides, start = list(contiguous(dims(x))), 0
    for axis, first, step in slice_axes(node):
        start += first * strides[axis]
        strides[axis] *= step
    _emit_strided_copy(ctx, x, y, dims(y), tuple(strides), contiguous(dims(y)), start)


def slice_axes(node: ir.Node) -> list[tuple[int, int, int]]:
    """(axis, first index, step) of a Slice with constant bounds."""
    shape = dims(node.inputs[0])
    starts, axes, steps = (constant(optional(node, i)) for i in (1, 3, 4))
    assert starts is not None
    result = []
    for i, begin in enumerate(np.ravel(starts)):
        axis = i if axes is None else int(np.ravel(axes)[i]) % len(shape)
        step = 1 if steps is None else int(np.ravel(steps)[i])
        first = int(begin) + shape[axis] if begin < 0 else int(begin)
        result.append((axis, max(0, min(first, shape[axis] - (step < 0))), step))
    return result


def check_constant_tail(node: ir.Node) -> list[Problem]:
    """Check that everything but the data is a constant."""
    computed = [v for v in node.inputs[1:] if v is not None and constant(v) is None]
    if not computed:
        return []
    return [
        Problem(node_label(node), "computed bounds or sizes", "constants", to_bind(node, computed))
    ]


def emit_concat(ctx: Context, node: ir.Node) -> None:
    """Emit copies of the operands, one after another."""
    y = node.outputs[0]
    axis = int_attribute(node, "axis") % len(dims(y))
    strides, start = contiguous(dims(y)), 0
    for x in node.inputs:
        _emit_strided_copy(ctx, x, y, dims(x), contiguous(dims(x)), strides, 0, start)
        start += dims(x)[axis] * strides[axis]


def emit_split(ctx: Context, node: ir.Node) -> None:
    """Copies of consecutive parts."""
    x = node.inputs[0]
    axis = int_attribute(node, "axis", 0) % len(dims(x))
    strides, start = contiguous(dims(x)), 0
    for y in node.outputs:
        _emit_strided_copy(ctx, x, y, dims(y), strides, contiguous(dims(y)), start)
        start += dims(y)[axis] * strides[axis]


def emit_expand(ctx: Context, node: ir.Node) -> None:
    """Broadcast copy."""
    x, y = node.inputs[0], node.outputs[0]
    _emit_strided_copy(ctx, x, y, dims(y), broadcast(dims(x), dims(y)), contiguous(dims(y)))


def emit_pad(ctx: Context, node: ir.Node) -> None:
    """Padding with a constant or with the data; negative pads crop."""
    if pad_mode(node) != "constant":
        emit_by_index(pad)(ctx, node)
        return
    x, y = node.inputs[0], node.outputs[0]
    before = [low for low, _ in pad_axes(node)]
    ctx.line(f"for (int32_t i = 0; i < {size(y)}; i++) {{")
    ctx.line(f"    {ctx.pointer(y)}[i] = {_fill(node)};")
    ctx.line("}")
    ctx.count_moved(y, size(y), 1)
    source_strides, target_strides = contiguous(dims(x)), contiguous(dims(y))
    inner = [
        min(n, m - max(low, 0)) - max(-low, 0) if low >= 0 else min(n + low, m)
        for n, m, low in zip(dims(x), dims(y), before, strict=True)
    ]
    start = sum(max(-low, 0) * step for low, step in zip(before, source_strides, strict=True))
    at = sum(max(low, 0) * step for low, step in zip(before, target_strides, strict=True))
    if all(extent > 0 for extent in inner):
        _emit_strided_copy(ctx, x, y, tuple(inner), source_strides, target_strides, start, at)


def _fill(node: ir.Node) -> str:
    """The C literal of a Pad's constant; the zero point of an integer tensor stands for 0."""
    value, y = constant(optional(node, 2)), node.outputs[0]
    number = 0 if value is None else np.ravel(value)[0]
    if y.dtype == ir.DataType.FLOAT:
        return float_literal(float(number))
    return str(int(y.metadata_props.get(ZERO_POINT, int(number))))


def pad_axes(node: ir.Node) -> list[tuple[int, int]]:
    """(before, after) for every axis."""
    rank = len(dims(node.inputs[0]))
    counts, axes = (constant(optional(node, i)) for i in (1, 3))
    assert counts is not None
    pads = np.ravel(counts).tolist()
    named = list(range(rank)) if axes is None else [int(a) % rank for a in np.ravel(axes)]
    result = [(0, 0)] * rank
    for i, axis in enumerate(named):
        result[axis] = (int(pads[i]), int(pads[i + len(named)]))
    return result


def _emit_strided_copy(
    ctx: Context,
    x: ir.Value | None,
    y: ir.Value,
    shape: tuple[int, ...],
    x_strides: tuple[int, ...],
    y_strides: tuple[int, ...],
    x_start: int = 0,
    y_start: int = 0,
) -> None:
    """Copy `shape` elements from strided x to strided y."""
    copy_loops(
        ctx,
        y,
        ctx.pointer(x),
        ctx.pointer(y),
        merge(shape, [x_strides, y_strides]),
        x_start,
        y_start,
    )


def copy_loops(
    ctx: Context,
    like: ir.Value,
    source: str,
    target: str,
    loops: Loops,
    x_start: int = 0,
    y_start: int = 0,
) -> None:
    """Copy elements of the type of `like` along loops with a step in source and target."""
    ctx.count_moved(like, math.prod(count for count, _ in loops))
    if loops and loops[-1][1] == (1, 1):
        outer, count = loops[:-1], loops[-1][0]
        a, b = index(outer, 0, x_start), index(outer, 1, y_start)
        for text in nest(
            outer, [f"memcpy({target} + {b}, {source} + {a}, {count} * sizeof *{target});"]
        ):
            ctx.line(text)
        return
    outer, call = transpose_call_of_loops(ctx, like, loops) or (loops, None)
    a, b = index(outer, 0, x_start), index(outer, 1, y_start)
    body = f"{target}[{b}] = {source}[{a}];"
    if call is not None:
        body = call.format(a=f"{source} + {a}", b=f"{target} + {b}")
    for text in nest(outer, [body]):
        ctx.line(text)
