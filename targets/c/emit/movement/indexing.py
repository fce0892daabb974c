"""Data movement that only constants decide: every result element is one element of an operand.

The operator's NumPy form runs on the operands' element numbers and so shows the origin of each result. The origins
become loops over strides, with at most one table of offsets where no stride fits.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.base.errors import Problem
from edgekit.operators.geometry import dims, optional
from edgekit.operators.indexing import reduction
from edgekit.operators.operator import Operator
from edgekit.operators.roles import constant
from edgekit.targets.c.emit.base import Context, int_attribute, node_label, size
from edgekit.targets.c.emit.constants import to_bind
from edgekit.targets.c.emit.movement.transpose import transpose_call_of_loops
from edgekit.targets.c.loops.walks import Indices, Loop, Walk, walk

COMBINED = {
    "add": "{a} + {b}",
    "mul": "{a} * {b}",
    "max": "ek_maxf1({a}, {b})",
    "min": "ek_minf1({a}, {b})",
}


def emit_by_index(
    form: Operator, data: tuple[int, ...] = (0,)
) -> Callable[[Context, ir.Node], None]:
    """Return the emitter of an operator whose NumPy form moves elements of the inputs `data`."""

    def emit(ctx: Context, node: ir.Node) -> None:
        for value, source in zip(node.outputs, _sources(form, node, data), strict=False):
            if value.uses() or value.is_graph_output():
                _emit_output(ctx, node, value, source.ravel(), data)

    return emit


def _sources(form: Operator, node: ir.Node, data: tuple[int, ...]) -> list[Array]:
    """Return for each output the numbers of its elements, from 1 on through all operands; 0 is a zero."""
    inputs: list[Array] = []
    start = 1
    for index, value in enumerate(node.inputs):
        if index in data:
            numbers = np.arange(start, start + size(value), dtype=np.int64)
            inputs.append(numbers.reshape(dims(value)))
            start += size(value)
        else:
            inputs.append(constant(value))  # type: ignore[arg-type]
    return form(node, inputs)


def _emit_output(
    ctx: Context, node: ir.Node, y: ir.Value, source: Indices, data: tuple[int, ...]
) -> None:
    start = 1
    if (source == 0).any():
        ctx.line(f"memset({ctx.pointer(y)}, 0, {size(y)} * sizeof *{ctx.pointer(y)});")
        ctx.count_moved(y, size(y), 1)
    for index in data:
        x = node.inputs[index]
        places = np.flatnonzero((source >= start) & (source < start + size(x)))
        if places.size:
            emit_walk(ctx, node, x, y, walk([source[places] - start, places]))
        start += size(x)


def emit_walk(
    ctx: Context, node: ir.Node, x: ir.Value | None, y: ir.Value, path: Walk, copy: str = "memcpy"
) -> None:
    """Copy along a walk of (index of x, index of y); runs with `copy`."""
    ctx.count_moved(y, math.prod(count for count, _ in path.loops))
    source, target = ctx.pointer(x), ctx.pointer(y)
    loops = path.loops
    run = loops[-1] if loops and _contiguous(loops[-1]) else None
    outer = list(loops[:-1] if run else loops)
    across = transpose_call_of_loops(ctx, y, outer) if copy == "memcpy" and not run else None
    if across is not None:
        outer = across[0]
    a, b = (index(ctx, node, path.starts[i], outer, i) for i in (0, 1))
    text = f"{target}[{b}] = {source}[{a}];"
    if across is not None:
        text = across[1].format(a=f"{source} + {a}", b=f"{target} + {b}")
    if run:
        text = f"{copy}({target} + {b}, {source} + {a}, {run[0]} * sizeof *{target});"
    nest(ctx, outer, text)


def _contiguous(loop: Loop) -> bool:
    return all(isinstance(step, int) and step == 1 for step in loop[1])


def index(ctx: Context, node: ir.Node, start: int, loops: Sequence[Loop], operand: int) -> str:
    """The C index of one operand inside the loops of a walk."""
    terms = []
    for level, (_, steps) in enumerate(loops):
        step = steps[operand]
        if not isinstance(step, int):
            terms.append(f"{offsets(ctx, node, step)}[i{level}]")
        elif step:
            terms.append(f"i{level}" if step == 1 else f"i{level} * {step}")
    if start or not terms:
        terms.append(str(start))
    return " + ".join(terms).replace("+ -", "- ")


def emit_scatter(form: Operator) -> Callable[[Context, ir.Node], None]:
    """Return the emitter of a scatter: a copy of the data, then the updates in their order."""
    by_index = emit_by_index(form, (0, 2))

    def emit(ctx: Context, node: ir.Node) -> None:
        if reduction(node) == "none":
            by_index(ctx, node)
            return
        x, updates, y = node.inputs[0], node.inputs[2], node.outputs[0]
        assert x is not None
        ctx.copy(x, y)
        places = _places(node)
        path = walk([np.arange(places.size), places])
        a, b = (index(ctx, node, path.starts[i], path.loops, i) for i in (0, 1))
        old, new = f"{ctx.pointer(y)}[{b}]", f"{ctx.pointer(updates)}[{a}]"
        nest(ctx, path.loops, f"{old} = {COMBINED[reduction(node)].format(a=old, b=new)};")

    return emit


def _places(node: ir.Node) -> Indices:
    """Return the place in the result of each element of the updates, in the order of the updates."""
    data, updates = dims(node.inputs[0]), dims(node.inputs[2])
    indices = constant(node.inputs[1])
    assert indices is not None
    numbers = np.arange(int(np.prod(data)), dtype=np.int64).reshape(data)
    places: list[Array] = list(np.moveaxis(indices, -1, 0))
    if node.op_type == "ScatterElements":
        places = list(np.indices(updates))
        places[int_attribute(node, "axis", 0)] = indices
    chosen: Indices = numbers[tuple(places)].ravel()
    return chosen


def nest(ctx: Context, loops: Sequence[Loop], text: str) -> None:
    """Append a line of C inside the loops of a walk."""
    for level, (count, _) in enumerate(loops):
        ctx.line(f"{'    ' * level}for (int32_t i{level} = 0; i{level} < {count}; i{level}++) {{")
    ctx.line(f"{'    ' * len(loops)}{text}")
    for level in reversed(range(len(loops))):
        ctx.line(f"{'    ' * level}}}")


def offsets(ctx: Context, node: ir.Node, table: Indices) -> str:
    """Add a table of offsets to the constants, in the narrowest type that holds it."""
    narrow = np.abs(table).max(initial=0) < 2**15
    return ctx.constant(f"{node.name}_index", table.astype(np.int16 if narrow else np.int32))


def check_constants(*positions: int) -> Callable[[ir.Node], list[Problem]]:
    """Return a check that the inputs at `positions` are constants, where they are given."""

    def check(node: ir.Node) -> list[Problem]:
        given = [optional(node, position) for position in positions]
        if all(value is None or constant(value) is not None for value in given):
            return []
        computed = [v for v in given if v is not None and constant(v) is None]
        found = "indices, sizes or lengths that are computed"
        return [Problem(node_label(node), found, "constants", to_bind(node, computed))]

    return check


def check_scatter(node: ir.Node) -> list[Problem]:
    """Constant indices; numbers to combine are float."""
    problems = check_constants(1)(node)
    data = node.inputs[0]
    if reduction(node) != "none" and data is not None and data.dtype != ir.DataType.FLOAT:
        problems.append(
            Problem(node_label(node), f"reduction of {data.dtype}", "float32", "cast the data")
        )
    return problems
