"""Conv and ConvTranspose, 1-D and 2-D."""

import onnx_ir as ir

from edgekit.errors import Problem, UsageError
from edgekit.quantize.choose import constant
from edgekit.quantize.geometry import ConvShape, conv_shape, dims, ints
from edgekit.targets.c.emit.base import Context, array_attribute, int_attribute, suffix, where

KERNELS = {"Conv": "ek_conv", "ConvTranspose": "ek_conv_transpose"}


def emit_conv_int(ctx: Context, node: ir.Node) -> None:
    """Integer convolution."""
    x, y = node.inputs[0], node.outputs[0]
    arrays = [
        ctx.constant(f"{node.name}_{a}", array_attribute(node, a))
        for a in ("w", "bias", "mult", "shift")
    ]
    numbers = [int_attribute(node, name) for name in ("y_zero", "y_min", "y_max")]
    kernel = f"{KERNELS[node.op_type]}_{suffix(x)}_{suffix(y)}"
    shape = _shape_argument(ints(node, "shape", []))
    ctx.call(
        kernel,
        ctx.pointer(x),
        int_attribute(node, "x_zero"),
        *arrays,
        *numbers,
        ctx.pointer(y),
        shape,
    )


def macs_conv_int(node: ir.Node) -> int:
    """Of the node's stored geometry."""
    return _macs(node, ConvShape.of(ints(node, "shape", [])))


def emit_conv(ctx: Context, node: ir.Node) -> None:
    """Float convolution with constant weights."""
    x, y = node.inputs[0], node.outputs[0]
    w = constant(node.inputs[1])
    assert w is not None
    bias = node.inputs[2] if len(node.inputs) > 2 else None
    b = "NULL" if bias is None else ctx.pointer(bias)
    shape = _shape_argument(conv_shape(node, list(w.shape[2:])).fields())
    ctx.call(
        f"{KERNELS[node.op_type]}_f32",
        ctx.pointer(x),
        ctx.constant(f"{node.name}_w", w),
        b,
        ctx.pointer(y),
        shape,
    )


def check_conv(node: ir.Node) -> list[Problem]:
    """Constant weights, batch 1, one or two spatial dimensions."""
    problems = []
    if any(value is not None and constant(value) is None for value in node.inputs[1:]):
        problems.append(
            Problem(where(node), "computed weights", "constant weights", "make them parameters")
        )
    shape = dims(node.inputs[0])
    if shape[0] != 1 or len(shape) not in (3, 4):
        problems.append(
            Problem(where(node), f"input {shape}", "(1, channels, [height,] width)", "use batch 1")
        )
    elif not problems:
        try:
            conv_shape(node, list(dims(node.inputs[1])[2:]))
        except UsageError as error:
            problems += error.problems
    return problems


def macs_conv(node: ir.Node) -> int:
    """Of the float node."""
    return _macs(node, conv_shape(node, list(dims(node.inputs[1])[2:])))


def _macs(node: ir.Node, shape: ConvShape) -> int:
    if node.op_type == "Conv":
        return shape.macs
    return (
        shape.in_c * shape.in_h * shape.in_w * shape.out_c // shape.groups * shape.k_h * shape.k_w
    )


def _shape_argument(fields: list[int]) -> str:
    return f"&(const ek_conv_shape){{{', '.join(map(str, fields))}}}"
