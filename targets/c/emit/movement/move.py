"""`MOVE`: each element of the result fetched from where it is; nothing where it is in place already."""

import numpy as np
import onnx_ir as ir

from edgekit.operators.qdq import ZERO_POINT
from edgekit.targets.c.emit.base import Context, array_attribute, float_literal, size
from edgekit.targets.c.emit.movement.indexing import emit_walk, index, nest
from edgekit.targets.c.loops.walks import Indices, walk
from edgekit.targets.c.plan.storage import Traits, item_bytes, nbytes
from edgekit.targets.c.rewrite.moves import NUMBERS
from edgekit.targets.c.rewrite.shared_storage import shared_storage, short_walks


def traits_move(node: ir.Node) -> Traits:
    """A view, parts that can be written in place, states that can be shifted in place."""
    shared = shared_storage(_numbers(node), _inputs(node))
    updates = tuple((i, 0) for i in shared.shifts)
    return Traits(view=shared.view, parts=shared.parts, updates=updates)


def emit_move(ctx: Context, node: ir.Node) -> None:
    """Copies, operands that share the result's storage first; then zeros."""
    y, numbers = node.outputs[0], _numbers(node)
    steps, start = [], 1
    for x in _inputs(node):
        places = np.flatnonzero((numbers >= start) & (numbers < start + size(x)))
        steps.append((x, numbers[places] - start, places))
        start += size(x)
    for x, source, places in sorted(steps, key=lambda step: _distance(ctx, step[0], y) is None):
        distance, copy = _distance(ctx, x, y), "memcpy"
        if distance is not None:
            away, copy = source - places != distance, "memmove"
            source, places = source[away], places[away]
        if places.size:
            within = [walk([source, places])] if distance is not None else None
            for path in within or short_walks(source, places) or [walk([source, places])]:
                emit_walk(ctx, node, x, y, path, copy)
    if (numbers == 0).any():
        _fill(ctx, node, np.flatnonzero(numbers == 0))


def _distance(ctx: Context, x: ir.Value, y: ir.Value) -> int | None:
    """Elements from the first of `x` to the first of `y`, where their storage overlaps."""
    a, b = ctx.slot(x), ctx.slot(y)
    if a is None or b is None or (a.block, a.name) != (b.block, b.name):
        return None
    apart = a.offset + nbytes(x) <= b.offset or b.offset + nbytes(y) <= a.offset
    return None if apart else (b.offset - a.offset) // item_bytes(y)


def _fill(ctx: Context, node: ir.Node, places: Indices) -> None:
    y = node.outputs[0]
    zero = int(y.metadata_props.get(ZERO_POINT, "0"))
    text = float_literal(0.0) if y.dtype == ir.DataType.FLOAT else str(zero)
    path = walk([places])
    ctx.count_moved(y, places.size, 1)
    at = index(ctx, node, path.starts[0], path.loops, 0)
    nest(ctx, path.loops, f"{ctx.pointer(y)}[{at}] = {text};")


def _numbers(node: ir.Node) -> Indices:
    return np.asarray(array_attribute(node, NUMBERS), np.int64)


def _inputs(node: ir.Node) -> list[ir.Value]:
    return [value for value in node.inputs if value is not None]
