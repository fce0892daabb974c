"""DeformConv, 2-D."""

import onnx_ir as ir

from edgekit.base.errors import Problem
from edgekit.base.json_values import JsonObject
from edgekit.operators.geometry import conv_shape, dims, optional
from edgekit.operators.operator import integer
from edgekit.targets.c.emit.base import Context, array_attribute, int_attribute, node_label, size
from edgekit.targets.c.emit.conv.float32 import shape_argument
from edgekit.targets.c.plan.storage import Traits


def emit_deform_conv(ctx: Context, node: ir.Node) -> None:
    """Image by image."""
    x, w, offset, y = *node.inputs[:3], node.outputs[0]
    bias, mask = optional(node, 3), optional(node, 4)
    images = dims(x)[0]

    def at(value: ir.Value | None) -> str:
        step = f" + n * {size(value) // images}" if images > 1 else ""
        return f"{ctx.pointer(value)}{step}"

    if images > 1:
        ctx.line(f"for (int32_t n = 0; n < {images}; n++) {{")
    ctx.call(
        "ek_deform_conv_f32",
        at(x),
        ctx.pointer(w),
        at(offset),
        "NULL" if bias is None else ctx.pointer(bias),
        "NULL" if mask is None else at(mask),
        at(y),
        integer(node, "offset_group", 1),
        shape_argument(conv_shape(node, list(dims(w)[2:]))),
        ctx.scratch(node, "float"),
    )
    if images > 1:
        ctx.line("}")


def emit_square_deform_int(ctx: Context, node: ir.Node) -> None:
    """Emit the layer for one picture."""
    x, d, y = *node.inputs[:2], node.outputs[0]
    arrays = [
        ctx.constant(f"{node.name}_{name}", array_attribute(node, name))
        for name in ("w", "bias", "mult", "shift")
    ]
    first = [int_attribute(node, name) for name in ("x_zero", "d_min", "d_max")]
    limits = [int_attribute(node, name) for name in ("y_zero", "y_min", "y_max")]
    at_d, sizes = ctx.pointer(d), dims(x)[1:]
    ctx.call(
        "ek_square_deform_s8",
        ctx.pointer(x),
        first[0],
        at_d,
        *first[1:],
        *arrays,
        *limits,
        ctx.pointer(y),
        *sizes,
    )


def macs_square_deform_int(node: ir.Node) -> int:
    """Nine per element."""
    return 9 * size(node.outputs[0])


def traits_deform_conv(node: ir.Node) -> Traits:
    """Return the work space for the values under the taps of one pixel."""
    _, _, k_h, k_w = dims(node.inputs[1])
    return Traits(scratch=4 * dims(node.inputs[0])[1] * k_h * k_w)


def check_deform_conv(node: ir.Node) -> list[Problem]:
    """Two spatial dimensions."""
    shape = dims(node.inputs[0])
    if len(shape) == 4:
        return []
    allowed = "(images, channels, height, width)"
    return [Problem(node_label(node), f"input {shape}", allowed, "use 2-D deformable convolutions")]


def macs_deform_conv(node: ir.Node) -> int:
    """Return the multiply-accumulates of the weights; the interpolation is not counted."""
    return dims(node.inputs[0])[0] * conv_shape(node, list(dims(node.inputs[1])[2:])).macs


def sizes_square_deform(node: ir.Node) -> JsonObject:
    """Return the rows of the input."""
    return {"height": dims(node.inputs[0])[-2]}
