"""Operators with precise internals, on integers."""

import math

import onnx_ir as ir

from edgekit.base.errors import Problem
from edgekit.operators.geometry import dims, ints
from edgekit.targets.c.emit.base import (
    LIMITS,
    Context,
    array_attribute,
    int_attributes,
    int_kernel,
    node_label,
    size,
)


def emit_magnitude_int(ctx: Context, node: ir.Node) -> None:
    """Root of the sum of two squares."""
    a, b, y = _pointers(ctx, node)
    m1, m2, *rest = int_attributes(node, "m1", "m2", "add", "shift", *LIMITS)
    ctx.call(int_kernel("ek_magnitude", node), a, m1, b, m2, *rest, y, size(node.outputs[0]))


def emit_product_sum_int(ctx: Context, node: ir.Node) -> None:
    """Sum of two products."""
    a, b, c, d, y = _pointers(ctx, node)
    m1, m2, *rest = int_attributes(node, "m1", "m2", "shift", *LIMITS)
    kernel = int_kernel("ek_product_sum", node)
    ctx.call(kernel, a, b, m1, c, d, m2, *rest, y, size(node.outputs[0]))


def emit_mean_square_int(ctx: Context, node: ir.Node) -> None:
    """Mean of squares along the middle axis."""
    x, y = _pointers(ctx, node)
    numbers = int_attributes(node, "mult", "shift", *LIMITS)
    ctx.call(int_kernel("ek_mean_square", node), x, *numbers, y, *ints(node, "sizes", []))


def emit_layernorm_int(ctx: Context, node: ir.Node) -> None:
    """Normalized rows."""
    n = array_attribute(node, "gain").size
    _emit_norm(ctx, node, "ek_layernorm", size(node.inputs[0]) // n, n)


def emit_instancenorm_int(ctx: Context, node: ir.Node) -> None:
    """Normalized channels."""
    batch, channels, *rest = dims(node.inputs[0])
    _emit_norm(ctx, node, "ek_instancenorm", batch, channels, math.prod(rest))


def _emit_norm(ctx: Context, node: ir.Node, family: str, *sizes: int) -> None:
    x, y = _pointers(ctx, node)
    gain, bias = (
        ctx.constant(f"{node.name}_{a}", array_attribute(node, a)) for a in ("gain", "bias")
    )
    numbers = int_attributes(node, "bias_up", "epsilon", "shift", *LIMITS)
    ctx.call(int_kernel(family, node), x, gain, bias, *numbers, y, *sizes)


def emit_softmax_int(ctx: Context, node: ir.Node) -> None:
    """Softmax of rows."""
    x, y = _pointers(ctx, node)
    table, n = ctx.constant("exp2_table", array_attribute(node, "exp2")), dims(node.inputs[0])[-1]
    scaling, numbers = (
        int_attributes(node, "m", "s"),
        int_attributes(node, "mult", "shift", *LIMITS),
    )
    kernel = int_kernel("ek_softmax", node)
    ctx.call(kernel, x, *scaling, table, *numbers, y, size(node.inputs[0]) // n, n)


def check_magnitude(node: ir.Node) -> list[Problem]:
    """A number that can stand under a root."""
    epsilon = node.attributes["epsilon"].as_float()
    if math.isfinite(epsilon) and epsilon >= 0:
        return []
    return [
        Problem(node_label(node), f"epsilon {epsilon}", "0 or more", "quantize the network again")
    ]


def _pointers(ctx: Context, node: ir.Node) -> list[str]:
    return [ctx.pointer(value) for value in (*node.inputs, node.outputs[0])]
