"""Functions of one value and of several broadcast ones; tables and arithmetic of quantized values."""

import onnx_ir as ir

from edgekit.base.errors import Problem
from edgekit.operators.elementwise.functions import form, is_whole
from edgekit.operators.geometry import dims
from edgekit.operators.pointwise.functions import POINTWISE, attributes_of
from edgekit.targets.c.emit.base import (
    LIMITS,
    Context,
    array_attribute,
    c_type,
    float_literal,
    int_attribute,
    int_attributes,
    int_kernel,
    node_label,
    size,
    suffix,
)
from edgekit.targets.c.loops.strides import broadcast, contiguous, index, merge, nest

UNSIGNED = {
    "float": "float",
    "uint8_t": "uint32_t",
    "int8_t": "uint32_t",
    "int16_t": "uint32_t",
    "int32_t": "uint32_t",
    "int64_t": "uint64_t",
}


def emit_unary(ctx: Context, node: ir.Node) -> None:
    """A function of floats: its array kernel, or a loop over its C expression; or of integers."""
    x, y = node.inputs[0], node.outputs[0]
    if is_whole(x):
        emit_elementwise(ctx, node)
        return
    function = POINTWISE[node.op_type]
    for kernel, attributes in function.kernels:
        if attributes_of(node) == attributes:
            ctx.call(kernel, ctx.pointer(x), ctx.pointer(y), size(y))
            return
    ctx.line(f"for (int32_t i = 0; i < {size(y)}; i++) {{")
    ctx.line(f"    const float x = {ctx.pointer(x)}[i];")
    ctx.line(f"    {ctx.pointer(y)}[i] = {_function_of(node, 'x')};")
    ctx.line("}")


def _function_of(node: ir.Node, x: str) -> str:
    """The C expression of a function of one float."""
    literals = {name: float_literal(value) for name, value in attributes_of(node).items()}
    return POINTWISE[node.op_type].c.format(x=x, **literals)


def formula(node: ir.Node) -> tuple[str, list[ir.Value | None]]:
    """One result of `emit_unary` or `emit_elementwise` as C, in ``x0``, ``x1``, ...; and what these are."""
    x, kind = node.inputs[0], c_type(node.outputs[0])
    if node.op_type in POINTWISE and not is_whole(x):
        return _function_of(node, "x0"), [x]
    rule = form(node)
    names = [f"x{i}" for i in range(len(rule.operands))]
    return rule.c.format(*names, t=kind, u=UNSIGNED[kind]), [node.inputs[i] for i in rule.operands]


def emit_elementwise(ctx: Context, node: ir.Node) -> None:
    """A function of broadcast operands of any element type."""
    y = node.outputs[0]
    rule, full = form(node), dims(y)
    values = [node.inputs[i] for i in rule.operands]
    loops = merge(full, [contiguous(full), *(broadcast(dims(v), full) for v in values)])
    operands = [f"{ctx.pointer(v)}[{index(loops, i + 1)}]" for i, v in enumerate(values)]
    expression = rule.c.format(*operands, t=c_type(y), u=UNSIGNED[c_type(y)])
    for text in nest(loops, [f"{ctx.pointer(y)}[{index(loops, 0)}] = {expression};"]):
        ctx.line(text)


def check_mod(node: ir.Node) -> list[Problem]:
    """Floats need fmod."""
    if not is_whole(node.inputs[0]) and not int_attribute(node, "fmod", 0):
        return [Problem(node_label(node), "float operands and fmod=0", "fmod=1", "set fmod=1")]
    return []


def check_pow(node: ir.Node) -> list[Problem]:
    """A float power of an integer has no result that is sure in its last digit."""
    if is_whole(node.inputs[0]) and not is_whole(node.inputs[1]):
        allowed = "a float base, or an integer exponent"
        return [Problem(node_label(node), "an integer to a float power", allowed, "cast the base")]
    return []


def emit_prelu_int(ctx: Context, node: ir.Node) -> None:
    """Integer PRelu, one slope per channel."""
    x, y = node.inputs[0], node.outputs[0]
    slopes = array_attribute(node, "m_neg")
    ctx.call(
        int_kernel("ek_prelu", node),
        ctx.pointer(x),
        int_attribute(node, "x_zero"),
        int_attribute(node, "m_pos"),
        ctx.constant(f"{node.name}_m_neg", slopes),
        int_attribute(node, "shift"),
        int_attribute(node, "y_zero"),
        ctx.pointer(y),
        slopes.size,
        size(x) // slopes.size,
    )


def emit_table(ctx: Context, node: ir.Node) -> None:
    """A function as a table: 256 entries on int8, piecewise linear on int16."""
    x, y = node.inputs[0], node.outputs[0]
    table = ctx.constant(f"{node.name}_table", array_attribute(node, "table"))
    if suffix(x) == "s8":
        ctx.call("ek_lut_s8", ctx.pointer(x), table, ctx.pointer(y), size(x))
    elif suffix(y) == "s16":
        ctx.call("ek_lut_s16", ctx.pointer(x), table, ctx.pointer(y), size(x))
    else:
        numbers = int_attributes(node, "mult", "shift", "y_zero")
        ctx.call("ek_lut_s16_s8", ctx.pointer(x), table, *numbers, ctx.pointer(y), size(x))


def emit_arithmetic_int(ctx: Context, node: ir.Node) -> None:
    """Integer Add or Mul: the kernel on the innermost loop, C loops around it where shapes are broadcast."""
    a, b, y = node.inputs[0], node.inputs[1], node.outputs[0]
    full = dims(y)
    loops = merge(full, [contiguous(full), broadcast(dims(a), full), broadcast(dims(b), full)])
    inner, steps = loops[-1] if loops else (1, (1, 1, 1))
    outer = loops[:-1]
    kernel = int_kernel(f"ek_{node.op_type.lower()}", node)
    ctx.kernels.add(kernel)
    pa, pb, py = (
        ctx.pointer(v) if not outer else f"{ctx.pointer(v)} + {index(outer, i)}"
        for i, v in ((1, a), (2, b), (0, y))
    )
    a_zero, b_zero, *tail = int_attributes(node, "a_zero", "b_zero", "shift", *LIMITS)
    if node.op_type == "Add":
        m1, m2 = int_attributes(node, "m1", "m2")
        arguments = [pa, steps[1], a_zero, m1, pb, steps[2], b_zero, m2, *tail, py, inner]
    else:
        m = int_attribute(node, "m")
        arguments = [pa, steps[1], a_zero, pb, steps[2], b_zero, m, *tail, py, inner]
    for text in nest(outer, [f"{kernel}({', '.join(map(str, arguments))});"]):
        ctx.line(text)
