"""Data movement along indices that are computed: they wrap around, so none leaves the data."""

import math
from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from edgekit.operators.geometry import dims
from edgekit.operators.operator import Operator
from edgekit.operators.roles import constant
from edgekit.targets.c.emit.base import Context, int_attribute, size
from edgekit.targets.c.emit.movement.indexing import emit_by_index, index, nest
from edgekit.targets.c.loops.walks import walk


def emit_gather(
    form: Operator, computed: Callable[[Context, ir.Node], None]
) -> Callable[[Context, ir.Node], None]:
    """Return the emitter of a gather: along constants, or by computed indices."""
    by_index = emit_by_index(form)

    def emit(ctx: Context, node: ir.Node) -> None:
        (by_index if constant(node.inputs[1]) is not None else computed)(ctx, node)

    return emit


def emit_rows(ctx: Context, node: ir.Node) -> None:
    """Gather: rows of one axis."""
    x, indices, y = node.inputs[0], node.inputs[1], node.outputs[0]
    axis, shape = int_attribute(node, "axis", 0), dims(x)
    count, rows, row = size(indices), shape[axis], math.prod(shape[axis:][1:])
    outer = math.prod(shape[:axis])
    chosen, target = _wrap_index(f"{ctx.pointer(indices)}[i]", rows), ctx.pointer(y)
    ctx.line(f"for (int32_t i = 0; i < {count}; i++) {{")
    if outer == 1:
        copied = f"{ctx.pointer(x)} + {chosen} * {row}, {row} * sizeof *{target}"
        ctx.line(f"    memcpy({target} + i * {row}, {copied});")
    else:
        ctx.line(f"    const int32_t r = {chosen};")
        ctx.line(f"    for (int32_t o = 0; o < {outer}; o++)")
        copied = f"{ctx.pointer(x)} + (o * {rows} + r) * {row}, {row} * sizeof *{target}"
        ctx.line(f"        memcpy({target} + (o * {count} + i) * {row}, {copied});")
    ctx.line("}")
    ctx.count_moved(y, size(y))


def emit_elements(ctx: Context, node: ir.Node) -> None:
    """GatherElements: one element of one axis for each index, at the index's own place in the other axes."""
    x, indices, y = node.inputs[0], node.inputs[1], node.outputs[0]
    shape, extents = dims(x), dims(indices)
    axis = int_attribute(node, "axis", 0) % len(shape)
    strides = [math.prod(shape[i + 1 :]) for i in range(len(shape))]
    places = np.indices(extents).reshape(len(shape), -1)
    start = sum(places[i] * strides[i] for i in range(len(shape)) if i != axis)
    path = walk([np.arange(size(y)), np.asarray(start, np.int64) + np.zeros(size(y), np.int64)])
    a, b = (index(ctx, node, path.starts[i], path.loops, i) for i in (0, 1))
    chosen = _wrap_index(f"{ctx.pointer(indices)}[{a}]", shape[axis])
    source = f"{ctx.pointer(x)}[{b} + {chosen} * {strides[axis]}]"
    nest(ctx, path.loops, f"{ctx.pointer(y)}[{a}] = {source};")
    ctx.count_moved(y, size(y))


def emit_tuples(ctx: Context, node: ir.Node) -> None:
    """Emit GatherND: a part of the data for each tuple of indices, after shared batch axes."""
    x, indices, y = node.inputs[0], node.inputs[1], node.outputs[0]
    shape, batch = dims(x), int_attribute(node, "batch_dims", 0)
    length, lead = dims(indices)[-1], math.prod(shape[:batch])
    sizes, part = shape[batch : batch + length], math.prod(shape[batch + length :])
    count = size(indices) // length // lead
    terms = [f"o * {math.prod(shape[batch:])}"] if lead > 1 else []
    for place, rows in enumerate(sizes):
        stride = math.prod(sizes[place + 1 :]) * part
        chosen = f"{ctx.pointer(indices)}[(o * {count} + i) * {length} + {place}]"
        terms.append(f"{_wrap_index(chosen, rows)} * {stride}")
    target = ctx.pointer(y)
    copied = f"{ctx.pointer(x)} + {' + '.join(terms)}, {part} * sizeof *{target}"
    ctx.line(f"for (int32_t o = 0; o < {lead}; o++)")
    ctx.line(f"    for (int32_t i = 0; i < {count}; i++)")
    ctx.line(f"        memcpy({target} + (o * {count} + i) * {part}, {copied});")
    ctx.count_moved(y, size(y))


def _wrap_index(chosen: str, rows: int) -> str:
    return f"(int32_t)((({chosen}) % {rows} + {rows}) % {rows})"
