"""Conv and ConvTranspose, 1-D and 2-D."""

import onnx_ir as ir

from edgekit.base.errors import Problem
from edgekit.operators.geometry import ConvShape, conv_shape, dims, ints, optional
from edgekit.targets.c.emit.base import (
    Context,
    array_attribute,
    int_attribute,
    int_kernel,
    size,
    where,
)
from edgekit.targets.c.emit.conv_dense import emit_dense, emit_dense_int
from edgekit.targets.c.emit.epilogue import epilogue_arguments
from edgekit.targets.c.packing import pack_conv
from edgekit.targets.instruction_sets import packing

KERNELS = {"Conv": "ek_conv", "ConvTranspose": "ek_conv_transpose"}


def emit_conv_int(ctx: Context, node: ir.Node) -> None:
    """Integer convolution."""
    if emit_dense_int(ctx, node):
        return
    x, y = node.inputs[0], node.outputs[0]
    kernel = int_kernel(KERNELS[node.op_type], node)
    parts = {a: array_attribute(node, a) for a in ("w", "bias", "mult", "shift")}
    zero = int_attribute(node, "x_zero")
    own = packing(ctx.profile.kernels)
    shape = ConvShape.of(ints(node, "shape", [])).lying()
    parts["w"], parts["bias"] = pack_conv(own, kernel, parts["w"], parts["bias"], zero, shape)
    arrays = [ctx.constant(f"{node.name}_{name}", array) for name, array in parts.items()]
    numbers = [int_attribute(node, name) for name in ("y_zero", "y_min", "y_max")]
    ctx.call(
        kernel,
        ctx.pointer(x),
        zero,
        *arrays,
        *numbers,
        ctx.pointer(y),
        shape_argument(shape),
    )


def macs_conv_int(node: ir.Node) -> int:
    """Of the node's stored geometry."""
    return _macs(node, ConvShape.of(ints(node, "shape", [])))


def emit_conv(ctx: Context, node: ir.Node) -> None:
    """Float convolution, image by image."""
    if emit_dense(ctx, node):
        return
    x, w, y = node.inputs[0], node.inputs[1], node.outputs[0]
    bias = optional(node, 2)
    images = dims(x)[0]
    at = [ctx.pointer(v) for v in (x, y)]
    epilogue = epilogue_arguments(ctx, node) if node.op_type == "Conv" else []
    if images > 1:
        if epilogue and epilogue[-1] != "NULL":
            epilogue[-1] = f"{epilogue[-1]} + n * {size(y) // images}"
        at = [f"{p} + n * {size(v) // images}" for p, v in zip(at, (x, y), strict=True)]
        ctx.line(f"for (int32_t n = 0; n < {images}; n++) {{")
    ctx.call(
        f"{KERNELS[node.op_type]}_f32",
        at[0],
        ctx.pointer(w),
        "NULL" if bias is None else ctx.pointer(bias),
        *epilogue,
        at[1],
        shape_argument(conv_shape(node, list(dims(w)[2:])).lying()),
    )
    if images > 1:
        ctx.line("}")


def check_spatial(node: ir.Node) -> list[Problem]:
    """One or two spatial dimensions."""
    shape = dims(node.inputs[0])
    if len(shape) in (3, 4):
        return []
    allowed = "(images, channels, [height,] width)"
    return [Problem(where(node), f"input {shape}", allowed, "split it into 2-D convolutions")]


def macs_conv(node: ir.Node) -> int:
    """Of the float node."""
    return dims(node.inputs[0])[0] * _macs(node, conv_shape(node, list(dims(node.inputs[1])[2:])))


def _macs(node: ir.Node, shape: ConvShape) -> int:
    if node.op_type == "Conv":
        return shape.macs
    return (
        shape.in_c * shape.in_h * shape.in_w * shape.out_c // shape.groups * shape.k_h * shape.k_w
    )


def shape_argument(shape: ConvShape) -> str:
    """A pointer to an ``ek_conv_shape``."""
    return f"&(const ek_conv_shape){{{', '.join(map(str, shape.fields()))}}}"
