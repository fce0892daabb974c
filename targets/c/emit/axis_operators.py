"""Operators that work along one axis, element by element: softmax and its like, ArgMax, TopK, CumSum."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import onnx_ir as ir

from edgekit.base.errors import Problem
from edgekit.operators.geometry import dims
from edgekit.operators.roles import constant
from edgekit.targets.c.emit.base import Context, c_type, int_attribute, node_label
from edgekit.targets.c.emit.constants import to_bind
from edgekit.targets.c.emit.pointwise import UNSIGNED
from edgekit.targets.c.loops.strides import index, merge, nest


def emit_softmax_along(ctx: Context, node: ir.Node) -> None:
    """Softmax or LogSoftmax along any axis."""
    body = [
        "float top = row[0], sum = 0.0f;",
        *_row_loop("top = ek_maxf1(top, row[{k}]);"),
        *_row_loop("sum += ek_expf1(row[{k}] - top);"),
    ]
    if node.op_type == "LogSoftmax":
        body += ["sum = ek_logf1(sum);", *_row_loop("out[{k}] = (row[{k}] - top) - sum;")]
    else:
        body += _row_loop("out[{k}] = ek_expf1(row[{k}] - top) / sum;")
    _rows(ctx, node, int_attribute(node, "axis", -1), body)


def emit_hardmax(ctx: Context, node: ir.Node) -> None:
    """1 at the first maximum along an axis, 0 elsewhere."""
    body = [
        *_best("row[{k}] > row[best * {s}]"),
        *_row_loop("out[{k}] = 0.0f;"),
        "out[best * {s}] = 1.0f;",
    ]
    _rows(ctx, node, int_attribute(node, "axis", -1), body)


def emit_arg(ctx: Context, node: ir.Node) -> None:
    """ArgMax or ArgMin: the first (or last) position of the extreme along an axis."""
    sign = ">" if node.op_type == "ArgMax" else "<"
    equal = "=" if int_attribute(node, "select_last_index", 0) else ""
    body = [*_best(f"row[{{k}}] {sign}{equal} row[best * {{s}}]"), "out[0] = best;"]
    _rows(ctx, node, int_attribute(node, "axis", 0), body, 1)


def emit_topk(ctx: Context, node: ir.Node) -> None:
    """The k largest (or smallest) along an axis and their positions, inserted in order; of equal ones the first."""
    count = constant(node.inputs[1])
    assert count is not None
    last = int(np.ravel(count)[0])
    names = ("out", "places")
    outputs = {name: value for name, value in zip(names, node.outputs, strict=False) if value.name}
    best = "out[{}]" if "out" in outputs else "row[places[{}] * {{s}}]"
    sign = ">" if int_attribute(node, "largest", 1) else "<"
    stored, placed = {"out": "row[{k}]", "places": "k"}, {"out": "x", "places": "k"}
    axis = int_attribute(node, "axis", -1)
    first = [
        f"for (int32_t k = 0; k < {last}; k++) {{{{",
        *(f"    {name}[{{k}}] = {stored[name]};" for name in outputs),
        "}}",
    ]
    _rows(ctx, node, axis, first, last, outputs)
    body = _row_loop(
        f"const {c_type(node.inputs[0])} x = row[{{k}}];",
        f"int32_t at = k < {last} ? k : {last};",
        f"for (; at > 0 && x {sign} {best.format('(at - 1) * {s}')}; at--) {{{{",
        f"    if (at < {last}) {{{{",
        *(f"        {name}[at * {{s}}] = {name}[(at - 1) * {{s}}];" for name in outputs),
        "    }}",
        "}}",
        f"if (at < {last}) {{{{",
        *(f"    {name}[at * {{s}}] = {placed[name]};" for name in outputs),
        "}}",
        first=1,
    )
    _rows(ctx, node, axis, body, last, outputs)


def emit_cumsum(ctx: Context, node: ir.Node) -> None:
    """Running sums along an axis."""
    ctype, axis = c_type(node.inputs[0]), constant(node.inputs[1])
    assert axis is not None
    total = f"acc = ({ctype})(({UNSIGNED[ctype]})acc + ({UNSIGNED[ctype]})x);"
    store = "out[{k}] = acc;"
    body = [f"{ctype} acc = 0;"]
    order = [store, total] if int_attribute(node, "exclusive", 0) else [total, store]
    lines = [f"const {ctype} x = row[{{k}}];", *order]
    body += _row_loop(*lines, backwards=bool(int_attribute(node, "reverse", 0)))
    _rows(ctx, node, int(np.ravel(axis)[0]), body)


def check_cumsum(node: ir.Node) -> list[Problem]:
    """A constant axis."""
    axis = node.inputs[1]
    if axis is not None and constant(axis) is None:
        return [
            Problem(node_label(node), "a computed axis", "a constant axis", to_bind(node, [axis]))
        ]
    return []


def emit_lp_normalization(ctx: Context, node: ir.Node) -> None:
    """Division by the norm along an axis; 0 where that is 0."""
    term = "x * x" if int_attribute(node, "p", 2) == 2 else "(x < 0.0f ? -x : x)"
    body = ["float norm = 0.0f;", *_row_loop("const float x = row[{k}];", f"norm += {term};")]
    body += ["norm = ek_sqrtf1(norm);"] if int_attribute(node, "p", 2) == 2 else []
    body += _row_loop("out[{k}] = norm == 0.0f ? 0.0f : row[{k}] / norm;")
    _rows(ctx, node, int_attribute(node, "axis", -1), body)


def _row_loop(*lines: str, backwards: bool = False, first: int = 0) -> list[str]:
    """A loop over the elements of a row, from `first` on: ``{k}`` is the offset of one."""
    head = "for (int32_t k = {n} - 1; k >= 0; k--) {{" if backwards else EACH % first
    return [head, *(f"    {line}" for line in lines), "}}"]


EACH = "for (int32_t k = %d; k < {n}; k++) {{"


def _best(better: str) -> list[str]:
    return ["int32_t best = 0;", *_row_loop(f"best = {better} ? k : best;")]


def _rows(
    ctx: Context,
    node: ir.Node,
    axis: int,
    body: Sequence[str],
    length: int | None = None,
    outputs: Mapping[str, ir.Value] | None = None,
) -> None:
    """Emit loops around `body` for every row along an axis: ``row`` and ``out`` point to its first element.

    In the body ``{n}`` is the row's length, ``{k}`` the offset of element k and ``{s}`` the step between
    two elements. The outputs, by the names of their pointers, have `length` elements for each row, by default as many
    as the row.
    """
    x = node.inputs[0]
    shape = dims(x) or (1,)
    axis %= len(shape)
    n, inner = shape[axis], math.prod(shape[axis + 1 :])
    steps = [(n * inner, 1), (inner * (n if length is None else length), 1)]
    loops = merge((math.prod(shape[:axis]), inner), [*steps])
    offset = "k" if inner == 1 else f"k * {inner}"
    lines = [f"const {c_type(x)} *const row = {ctx.pointer(x)} + {index(loops, 0)};"]
    for name, y in (outputs or {"out": node.outputs[0]}).items():
        lines.append(f"{c_type(y)} *const {name} = {ctx.pointer(y)} + {index(loops, 1)};")
    lines += [line.format(n=n, k=offset, s=inner) for line in body]
    for text in nest(loops, lines):
        ctx.line(text)
