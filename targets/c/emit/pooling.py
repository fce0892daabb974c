"""MaxPool, AveragePool, LpPool, and their global forms."""

import onnx_ir as ir

from edgekit.base.errors import Problem
from edgekit.base.json_values import JsonObject
from edgekit.operators.geometry import ConvShape, dims, ints
from edgekit.operators.pooling.twin import pool_of
from edgekit.targets.c.emit.base import (
    LIMITS,
    Context,
    array_attribute,
    int_attribute,
    int_attributes,
    int_kernel,
    node_label,
    suffix,
)
from edgekit.targets.c.emit.conv.float32 import shape_argument


def emit_max_pool(ctx: Context, node: ir.Node) -> None:
    """Float or integer."""
    x, y = node.inputs[0], node.outputs[0]
    shape = shape_argument(pool_of(node).shape.lying())
    ctx.call(f"ek_max_pool_{suffix(x)}", ctx.pointer(x), ctx.pointer(y), shape)


def emit_average_pool(ctx: Context, node: ir.Node) -> None:
    """Float."""
    x, y, pool = ctx.pointer(node.inputs[0]), ctx.pointer(node.outputs[0]), pool_of(node)
    ctx.call("ek_avg_pool_f32", x, y, *pool.borders(), shape_argument(pool.shape))


def sizes_average_pool(node: ir.Node) -> JsonObject:
    """Whether the border counts, and the border at the end."""
    names = ("include_pad", "pad_bottom", "pad_right")
    return dict(zip(names, pool_of(node).borders(), strict=True))


def emit_lp_pool(ctx: Context, node: ir.Node) -> None:
    """Float."""
    x, y = ctx.pointer(node.inputs[0]), ctx.pointer(node.outputs[0])
    shape = shape_argument(pool_of(node).shape.lying())
    ctx.call("ek_lp_pool_f32", x, y, int_attribute(node, "p", 2), shape)


def emit_average_pool_int(ctx: Context, node: ir.Node) -> None:
    """Integer: the division is part of the factor."""
    x, y = node.inputs[0], node.outputs[0]
    arrays = [ctx.constant(f"{node.name}_{a}", array_attribute(node, a)) for a in ("mult", "shift")]
    numbers = int_attributes(node, "count_min", *LIMITS)
    borders, shape = ints(node, "borders", []), ConvShape.of(ints(node, "shape", []))
    arguments = [ctx.pointer(x), int_attribute(node, "x_zero"), *arrays, *numbers, ctx.pointer(y)]
    ctx.call(int_kernel("ek_avg_pool", node), *arguments, *borders, shape_argument(shape))


def check_pool(node: ir.Node) -> list[Problem]:
    """Check for one or two spatial dimensions, windows that reach the data, and no indices."""
    shape, found = dims(node.inputs[0]), []
    is_global = node.op_type.startswith("Global")
    if len(shape) not in (3, 4) and not (is_global and len(shape) > 2):
        found.append((f"input {shape}", "(images, channels, [height,] width)", "pool axis by axis"))
    elif pool_of(node).reach() == 0:
        found.append(("a window outside the data", "padding below the kernel", "pad less"))
    if any(value.uses() or value.is_graph_output() for value in node.outputs[1:]):
        found.append(("the indices of the maxima", "the maxima", "leave out the second output"))
    return [Problem(node_label(node), *parts) for parts in found]
