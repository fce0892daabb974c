"""Conversions between float and integers, and between integer types."""

import onnx_ir as ir

from edgekit.targets.c.emit.base import (
    LIMITS,
    Context,
    float_literal,
    int_attribute,
    int_attributes,
    int_kernel,
    size,
    suffix,
)


def emit_quantize(ctx: Context, node: ir.Node) -> None:
    """Float to integer."""
    x, y = node.inputs[0], node.outputs[0]
    scale, zero = float_literal(node.attributes["scale"].as_float()), int_attribute(node, "zero")
    ctx.call(f"ek_quantize_{suffix(y)}", ctx.pointer(x), scale, zero, ctx.pointer(y), size(x))


def emit_dequantize(ctx: Context, node: ir.Node) -> None:
    """Integer to float."""
    x, y = node.inputs[0], node.outputs[0]
    scale, zero = float_literal(node.attributes["scale"].as_float()), int_attribute(node, "zero")
    ctx.call(f"ek_dequantize_{suffix(x)}", ctx.pointer(x), scale, zero, ctx.pointer(y), size(x))


def emit_fake_quantize(ctx: Context, node: ir.Node) -> None:
    """Float to float, on the row of a tensor of grids (rows, 3)."""
    x, grids, y = node.inputs[0], node.inputs[1], node.outputs[0]
    row = f"{ctx.pointer(grids)} + {3 * int_attribute(node, 'row')}"
    ctx.call("ek_fake_quantize_f32", ctx.pointer(x), row, ctx.pointer(y), size(x))


def emit_requantize(ctx: Context, node: ir.Node) -> None:
    """Integer to integer of another scale or width."""
    x, y = node.inputs[0], node.outputs[0]
    numbers = int_attributes(node, "x_zero", "mult", "shift", *LIMITS)
    kernel = int_kernel("ek_requantize", node)
    ctx.call(kernel, ctx.pointer(x), *numbers, ctx.pointer(y), size(x))
