"""Reductions over any axes, and softmax over the last one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import onnx_ir as ir

from edgekit.base.errors import Problem
from edgekit.base.json_values import JsonObject
from edgekit.operators.geometry import dims, ints, optional
from edgekit.operators.roles import constant, reduced_axes
from edgekit.targets.c.emit.axis_operators import emit_softmax_along
from edgekit.targets.c.emit.base import (
    Context,
    c_type,
    float_literal,
    int_attribute,
    node_label,
    size,
)
from edgekit.targets.c.emit.constants import to_bind
from edgekit.targets.c.loops.strides import Loops, contiguous, index, merge, nest
from edgekit.targets.instruction_sets import packing_of

LEAST_BESIDE = 64  # elements of a float extreme that is taken of many at once


@dataclass(frozen=True)
class Reduction:
    """C of a reduction: the first `acc`, its update by `x`, and the result; ``{n}`` counts the elements.

    `whole` is the same of integers, in 64 bits. Over one element the result of a `plain` one is the element.
    """

    start: str
    update: str
    end: str = "acc"
    whole: "Reduction | None" = None
    plain: bool = False


SUM = "(int64_t)((uint64_t)acc + (uint64_t){})"
TOTAL = Reduction("0", SUM.format("x"))
PRODUCT = "(int64_t)((uint64_t)acc * (uint64_t)x)"
REDUCTIONS = {
    "ReduceSum": Reduction("0.0f", "acc + x", whole=TOTAL, plain=True),
    "ReduceMean": Reduction(
        "0.0f", "acc + x", "acc / {n}", replace(TOTAL, end="acc / {n}"), plain=True
    ),
    "ReduceMax": Reduction(
        "-EK_INF", "ek_maxf1(acc, x)", "acc", Reduction("INT64_MIN", "ek_maxi1(acc, x)"), plain=True
    ),
    "ReduceMin": Reduction(
        "EK_INF", "ek_minf1(acc, x)", "acc", Reduction("INT64_MAX", "ek_mini1(acc, x)"), plain=True
    ),
    "ReduceProd": Reduction("1.0f", "acc * x", "acc", Reduction("1", PRODUCT), plain=True),
    "ReduceL1": Reduction(
        "0.0f", "acc + (x < 0.0f ? -x : x)", "acc", Reduction("0", SUM.format("ek_absi1(x)"))
    ),
    "ReduceL2": Reduction("0.0f", "acc + x * x", "ek_sqrtf1(acc)"),
    "ReduceSumSquare": Reduction(
        "0.0f", "acc + x * x", "acc", Reduction("0", SUM.format("x * (uint64_t)x"))
    ),
    "MeanSquare": Reduction("0.0f", "acc + x * x", "acc / {n}"),
    "ReduceLogSum": Reduction("0.0f", "acc + x", "ek_logf1(acc)"),
    "ReduceLogSumExp": Reduction("0.0f", "acc + ek_expf1(x - top)", "ek_logf1(acc) + top"),
}
# Of integers of 16 bits or fewer: in 32 bits, of which vectors hold more.
NARROW = {
    "ReduceMax": Reduction("INT32_MIN", "acc > x ? acc : x"),
    "ReduceMin": Reduction("INT32_MAX", "acc < x ? acc : x"),
}
NARROW_TYPES = ("int8_t", "uint8_t", "int16_t", "uint16_t")


def _lane_extremes(rule: Reduction, count: int, lanes: int, fold: list[str]) -> list[str]:
    """C of the extreme ``acc`` of ``row``, `lanes` elements at once; by `fold` where order counts: of zeros and NaN."""
    whole, step = count // lanes * lanes, f"for (int32_t k = 0; k < {lanes}; k++) {{"
    extreme = rule.update.split("(", maxsplit=1)[0]
    lines = [f"float beside[{lanes}];", step, "    beside[k] = row[k];", "}"]
    lines += [f"for (int32_t j = {lanes}; j < {whole}; j += {lanes}) {{", f"    {step}"]
    lines += [f"        beside[k] = {extreme}(beside[k], row[j + k]);", "    }", "}"]
    lines += [step, f"    acc = {extreme}(acc, beside[k]);", "}"]
    if whole < count:
        lines += [f"for (int32_t j = {whole}; j < {count}; j++) {{"]
        lines += [f"    acc = {extreme}(acc, row[j]);", "}"]
    again = [f"acc = {rule.start};", *fold]
    return [*lines, "if (!(acc < 0.0f || acc > 0.0f)) {", *(f"    {text}" for text in again), "}"]


def _rule(op: str, ctype: str) -> tuple[str, Reduction]:
    """The type in which elements of `ctype` are reduced, and how."""
    rule = REDUCTIONS[op]
    if ctype == "float":
        return "float", rule
    if ctype in NARROW_TYPES and op in NARROW:
        return "int32_t", NARROW[op]
    assert rule.whole is not None
    return "int64_t", rule.whole


def emit_reduce(ctx: Context, node: ir.Node) -> None:
    """Fold some axes, in row-major order for every result."""
    x, y = node.inputs[0], node.outputs[0]
    outer, inner = _reduction_loops(dims(x), reduced_axes(node))
    ctype = c_type(x)
    kind, rule = _rule(node.op_type, ctype)
    count = prod(extent for extent, _ in inner)
    end = rule.end.format(n=float_literal(count) if kind == "float" else count)
    fold = nest(inner, [_load(kind, inner), f"acc = {rule.update};"], "j")
    lanes = 2 * packing_of(ctx.profile.kernels).columns
    is_extreme = kind == "float" and node.op_type in NARROW and inner == [(count, (1,))]
    if is_extreme and lanes >= 16 and count >= LEAST_BESIDE:
        fold = _lane_extremes(rule, count, lanes, fold)
    value = end if kind == "float" else f"({ctype})({end})"
    result = f"{ctx.pointer(y)}[{index(outer, 1)}] = {value};"
    body = [f"const {ctype} *const row = {ctx.pointer(x)} + {index(outer, 0)};"]
    if node.op_type == "ReduceLogSumExp":
        body += [*_top_lines(inner), "{", "float acc = 0.0f;", *fold, result, "}"]
    else:
        body += [f"{kind} acc = {rule.start};", *fold, result]
    for text in nest(outer, body):
        ctx.line(text)


def _reduction_loops(shape: Sequence[int], axes: Sequence[int]) -> tuple[Loops, Loops]:
    """Loops over the results, with steps in x and in y; and over the elements that one takes."""
    strides = contiguous(shape)
    others = [axis for axis in range(len(shape)) if axis not in axes]
    sizes = tuple(shape[axis] for axis in others)
    outer = merge(sizes, [tuple(strides[axis] for axis in others), contiguous(sizes)])
    return outer, merge([shape[a] for a in axes], [tuple(strides[a] for a in axes)])


def _load(kind: str, inner: Loops) -> str:
    return f"const {kind} x = row[{index(inner, 0, variable='j')}];"


def _top_lines(inner: Loops) -> list[str]:
    """C of the largest element ``top``; 0 where that is infinite or NaN."""
    largest = nest(inner, [_load("float", inner), "top = ek_maxf1(top, x);"], "j")
    finite = "top = top > -EK_INF && top < EK_INF ? top : 0.0f;"
    return ["float top = -EK_INF;", *largest, finite]


def check_reduce(node: ir.Node) -> list[Problem]:
    """Check that the axes are constant; with no axes only reductions that then are the identity pass."""
    axes = optional(node, 1)
    if axes is not None and constant(axes) is None:
        return [Problem(node_label(node), "computed axes", "constant axes", to_bind(node, [axes]))]
    if not reduced_axes(node) and dims(node.inputs[0]) and not REDUCTIONS[node.op_type].plain:
        return [Problem(node_label(node), "no axes", "one axis or more", "leave the node out")]
    return []


def emit_softmax(ctx: Context, node: ir.Node) -> None:
    """Softmax: the kernel over the last axis, loops over another."""
    x, y = node.inputs[0], node.outputs[0]
    n = dims(x)[-1]
    if int_attribute(node, "axis", -1) % len(dims(x)) != len(dims(x)) - 1:
        emit_softmax_along(ctx, node)
        return
    ctx.call("ek_softmax_f32", ctx.pointer(x), ctx.pointer(y), size(x) // n, n)


def sizes_softmax(node: ir.Node) -> JsonObject:
    """Return the length of a row."""
    return {"n": dims(node.inputs[0])[-1]}


def sizes_mean_square(node: ir.Node) -> JsonObject:
    """Return the sizes before, along and after the axes of the mean."""
    return dict(zip(("outer", "n", "inner"), ints(node, "sizes", []), strict=False))
