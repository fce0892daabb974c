"""Functions of one value, arithmetic of two with broadcasting, PRelu, Clip; float and integer."""

import numpy as np
import onnx_ir as ir

from edgekit.errors import Problem
from edgekit.quantize.choose import constant
from edgekit.quantize.geometry import dims
from edgekit.quantize.pointwise import POINTWISE, attributes_of
from edgekit.targets.c.emit.base import (
    Context,
    array_attribute,
    float_literal,
    int_attribute,
    size,
    suffix,
    where,
)
from edgekit.targets.c.emit.loops import broadcast, contiguous, index, merge, nest

BINARY = {
    "Add": "{a} + {b}",
    "Sub": "{a} - {b}",
    "Mul": "{a} * {b}",
    "Div": "{a} / {b}",
    "Max": "ek_maxf1({a}, {b})",
    "Min": "ek_minf1({a}, {b})",
}


def emit_unary(ctx: Context, node: ir.Node) -> None:
    """A float function: its array kernel, or a loop over its C expression."""
    x, y = node.inputs[0], node.outputs[0]
    function = POINTWISE[node.op_type]
    if function.kernel:
        ctx.call(function.kernel, ctx.pointer(x), ctx.pointer(y), size(y))
        return
    literals = {name: float_literal(value) for name, value in attributes_of(node).items()}
    expression = function.c.format(x="x", **literals)
    ctx.line(f"for (int32_t i = 0; i < {size(y)}; i++) {{")
    ctx.line(f"    const float x = {ctx.pointer(x)}[i];")
    ctx.line(f"    {ctx.pointer(y)}[i] = {expression};")
    ctx.line("}")


def emit_binary(ctx: Context, node: ir.Node) -> None:
    """Float arithmetic of two or more operands, broadcast; more than two are folded from the left."""
    y = node.outputs[0]
    full = dims(y)
    strides = [contiguous(full), *(broadcast(dims(v), full) for v in node.inputs)]
    loops = merge(full, strides)
    operands = [f"{ctx.pointer(v)}[{index(loops, i + 1)}]" for i, v in enumerate(node.inputs)]
    expression = operands[0]
    for operand in operands[1:]:
        expression = BINARY[node.op_type].format(a=expression, b=operand)
    for text in nest(loops, [f"{ctx.pointer(y)}[{index(loops, 0)}] = {expression};"]):
        ctx.line(text)


def emit_clip(ctx: Context, node: ir.Node) -> None:
    """Float Clip with constant bounds."""
    x, y = node.inputs[0], node.outputs[0]
    expression = "x"
    bounds = [constant(v) if v is not None else None for v in (*node.inputs[1:], None, None)[:2]]
    for bound, function in zip(bounds, ("ek_maxf1", "ek_minf1"), strict=True):
        if bound is not None:
            expression = f"{function}({expression}, {float_literal(float(np.ravel(bound)[0]))})"
    ctx.line(f"for (int32_t i = 0; i < {size(y)}; i++) {{")
    ctx.line(f"    const float x = {ctx.pointer(x)}[i];")
    ctx.line(f"    {ctx.pointer(y)}[i] = {expression};")
    ctx.line("}")


def check_clip(node: ir.Node) -> list[Problem]:
    """Bounds must be constants."""
    if any(v is not None and constant(v) is None for v in node.inputs[1:]):
        return [Problem(where(node), "computed bounds", "constants", "use Min and Max")]
    return []


def emit_prelu(ctx: Context, node: ir.Node) -> None:
    """Float PRelu; the slope is broadcast."""
    x, slope, y = node.inputs[0], node.inputs[1], node.outputs[0]
    full = dims(y)
    loops = merge(full, [contiguous(full), broadcast(dims(slope), full)])
    body = [
        f"const float x = {ctx.pointer(x)}[{index(loops, 0)}];",
        f"{ctx.pointer(y)}[{index(loops, 0)}] = x < 0.0f ? {ctx.pointer(slope)}[{index(loops, 1)}] * x : x;",
    ]
    for text in nest(loops, body):
        ctx.line(text)


def emit_prelu_int(ctx: Context, node: ir.Node) -> None:
    """Integer PRelu, one slope per channel."""
    x, y = node.inputs[0], node.outputs[0]
    slopes = array_attribute(node, "m_neg")
    ctx.call(
        "ek_prelu_s8", ctx.pointer(x), int_attribute(node, "x_zero"), int_attribute(node, "m_pos"),
        ctx.constant(f"{node.name}_m_neg", slopes), int_attribute(node, "shift"), int_attribute(node, "y_zero"),
        ctx.pointer(y), slopes.size, size(x) // slopes.size,
    )  # fmt: skip


def emit_table(ctx: Context, node: ir.Node) -> None:
    """A function as a table: 256 entries on int8, piecewise linear on int16."""
    x, y = node.inputs[0], node.outputs[0]
    table = ctx.constant(f"{node.name}_table", array_attribute(node, "table"))
    if suffix(x) == "s8":
        ctx.call("ek_lut_s8", ctx.pointer(x), table, ctx.pointer(y), size(x))
    elif suffix(y) == "s16":
        ctx.call("ek_lut_s16", ctx.pointer(x), table, ctx.pointer(y), size(x))
    else:
        numbers = [int_attribute(node, name) for name in ("mult", "shift", "y_zero")]
        ctx.call("ek_lut_s16_s8", ctx.pointer(x), table, *numbers, ctx.pointer(y), size(x))


def emit_arithmetic_int(ctx: Context, node: ir.Node) -> None:
    """Integer Add or Mul: the kernel on the innermost loop, C loops around it where shapes are broadcast."""
    a, b, y = node.inputs[0], node.inputs[1], node.outputs[0]
    full = dims(y)
    loops = merge(full, [contiguous(full), broadcast(dims(a), full), broadcast(dims(b), full)])
    inner, steps = loops[-1] if loops else (1, (1, 1, 1))
    outer = loops[:-1]
    kernel = f"ek_{node.op_type.lower()}_{suffix(a)}"
    ctx.kernels.add(kernel)
    pa, pb, py = (
        ctx.pointer(v) if not outer else f"{ctx.pointer(v)} + {index(outer, i)}"
        for i, v in ((1, a), (2, b), (0, y))
    )
    zeros = [int_attribute(node, "a_zero"), int_attribute(node, "b_zero")]
    tail = [int_attribute(node, name) for name in ("shift", "y_zero", "y_min", "y_max")]
    if node.op_type == "Add":
        m1, m2 = int_attribute(node, "m1"), int_attribute(node, "m2")
        arguments = [pa, steps[1], zeros[0], m1, pb, steps[2], zeros[1], m2, *tail, py, inner]
    else:
        m = int_attribute(node, "m")
        arguments = [pa, steps[1], zeros[0], pb, steps[2], zeros[1], m, *tail, py, inner]
    for text in nest(outer, [f"{kernel}({', '.join(map(str, arguments))});"]):
        ctx.line(text)
