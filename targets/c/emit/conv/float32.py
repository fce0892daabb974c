"""Conv and ConvTranspose in float, 1-D and 2-D."""

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.base.errors import Problem
from edgekit.operators.geometry import ConvShape, conv_shape, dims, optional
from edgekit.operators.roles import constant
from edgekit.targets.c.emit.base import (
    Context,
    node_label,
    size,
)
from edgekit.targets.c.emit.conv import winograd
from edgekit.targets.c.emit.conv.dense import (
    dense_of,
    emit_dense,
)
from edgekit.targets.c.emit.conv.float_rates import (
    ROOM,
    is_inside,
    rate_by_channels,
    rate_by_rows,
)
from edgekit.targets.c.emit.conv.winograd import strip_of, transform_weights
from edgekit.targets.c.emit.epilogue import epilogue_arguments
from edgekit.targets.c.emit.kernels import Kernel, Selection, constant_kernel

KERNELS = {"Conv": "ek_conv", "ConvTranspose": "ek_conv_transpose"}


def emit_conv(ctx: Context, node: ir.Node) -> None:
    """Float convolution."""
    ctx.emit(FLOAT_KERNELS, node)


def _emit_images(
    ctx: Context, node: ir.Node, kernel: str, w: str, shape: ConvShape, *more: object
) -> None:
    """Call a kernel image by image, with its weights and shape, and the arguments between output and shape."""
    x, y, bias = node.inputs[0], node.outputs[0], optional(node, 2)
    images = dims(x)[0]
    at = [ctx.pointer(v) for v in (x, y)]
    epilogue = epilogue_arguments(ctx, node) if node.op_type == "Conv" else []
    if images > 1:
        if epilogue and epilogue[-1] != "NULL":
            epilogue[-1] = f"{epilogue[-1]} + n * {size(y) // images}"
        at = [f"{p} + n * {size(v) // images}" for p, v in zip(at, (x, y), strict=True)]
        ctx.line(f"for (int32_t n = 0; n < {images}; n++) {{")
    start = "NULL" if bias is None else ctx.pointer(bias)
    ctx.call(kernel, at[0], w, start, *epilogue, at[1], *more, shape_argument(shape))
    if images > 1:
        ctx.line("}")


def _emit_rows(ctx: Context, node: ir.Node) -> None:
    """Emit ``ek_conv_f32`` or ``ek_conv_transpose_f32``."""
    w = node.inputs[1]
    shape, weights = conv_shape(node, list(dims(w)[2:])), constant(w)
    kernel = f"{KERNELS[node.op_type]}_f32"
    if node.op_type == "Conv" and weights is not None and shape.trimmed() != shape:
        packed = ctx.constant(f"{node.name}_w", trimmed_weights(weights, shape))
        shape = shape.trimmed()
    else:
        packed = ctx.pointer(w)
    _emit_images(ctx, node, kernel, packed, shape.lying())


def _emit_channels(ctx: Context, node: ir.Node) -> None:
    """Emit ``ek_conv_channels_f32``."""
    weights, shape = constant(node.inputs[1]), _used_shape(node)
    assert weights is not None and shape is not None
    matrix = trimmed_weights(weights, conv_shape(node, list(weights.shape[2:]))).reshape(
        shape.out_c, -1
    )
    (packed,) = ctx.weights(node, "ek_fc_f32", {"w": matrix.T})
    _emit_images(ctx, node, "ek_conv_channels_f32", packed, shape)


def _emit_tiles(ctx: Context, node: ir.Node) -> None:
    """Emit ``ek_conv_winograd_f32``."""
    weights = constant(node.inputs[1])
    assert weights is not None
    shape = conv_shape(node, [3, 3])
    strip = strip_of(shape, ctx.selection.profile.l2_bytes)
    (packed,) = ctx.weights(node, "ek_frame_fc_f32", {"w": transform_weights(weights)})
    work = (ctx.scratch(node, "float"), strip.rows, strip.columns)
    _emit_images(ctx, node, "ek_conv_winograd_f32", packed, shape, *work)


def _used_shape(node: ir.Node) -> ConvShape | None:
    """Return the lying shape of a convolution with constant weights, for the taps it uses; None for other nodes."""
    weights = constant(node.inputs[1])
    if node.op_type != "Conv" or weights is None:
        return None
    return conv_shape(node, list(weights.shape[2:])).trimmed().lying()


def trimmed_weights(w: Array, s: ConvShape) -> Array:
    """The weights (out_c, inputs, k_h, k_w) of the taps that read the input."""
    rows, columns = s.used_taps()
    return np.ascontiguousarray(w.reshape(*w.shape[:2], s.k_h, s.k_w)[:, :, rows, columns])


def _takes_channels(selection: Selection, node: ir.Node) -> bool:
    """Whether ``ek_conv_channels_f32`` takes a convolution."""
    s = _used_shape(node)
    has = selection.float_packing.columns >= 8
    return has and s is not None and s.groups == 1 and has_room(s)


def _by_channels(selection: Selection, node: ir.Node) -> bool:
    """Whether vectors of output channels take less time than those of positions, as ``ek_conv_f32`` has them."""
    lanes, s, costs = selection.float_packing.columns, _used_shape(node), selection.costs
    assert s is not None
    return rate_by_channels(s, lanes, costs) > rate_by_rows(s, lanes, costs)


def has_room(s: ConvShape) -> bool:
    """Whether the inputs of enough outputs fit into the buffer of ``ek_conv_channels_f32``."""
    kernel, positions = s.k_h * s.k_w, s.out_h * s.out_w
    plain = s.stride_h == s.stride_w == 1 and (s.in_h, s.in_w) == (s.out_h, s.out_w)
    one_row = kernel == 1 and plain and is_inside(s)
    if 1 < s.out_h <= 4 and s.out_w <= 4 and not one_row:
        return kernel <= 1024 and s.in_c * kernel * min(positions, 4) <= ROOM
    tall = s.out_w < 7 and s.out_h > s.out_w
    rows, columns = (7, s.out_w) if tall else (1, 7)
    high = (rows - 1) * s.stride_h + (s.k_h - 1) * s.dil_h + 1
    wide = (columns - 1) * s.stride_w + (s.k_w - 1) * s.dil_w + 1
    return kernel <= 1024 and (is_inside(s) or s.in_c * high * wide <= ROOM)


FLOAT_KERNELS = (
    Kernel(constant_kernel("ek_fc_f32"), emit_dense, lambda _, node: dense_of(node) is not None),
    Kernel(
        constant_kernel("ek_conv_winograd_f32"),
        _emit_tiles,
        winograd.takes,
        winograd.pays,
        winograd.room,
    ),
    Kernel(constant_kernel("ek_conv_channels_f32"), _emit_channels, _takes_channels, _by_channels),
    Kernel(lambda node: f"{KERNELS[node.op_type]}_f32", _emit_rows),
)


def check_spatial(node: ir.Node) -> list[Problem]:
    """Check that there are one or two spatial dimensions."""
    shape = dims(node.inputs[0])
    if len(shape) in (3, 4):
        return []
    allowed = "(images, channels, [height,] width)"
    return [Problem(node_label(node), f"input {shape}", allowed, "split it into 2-D convolutions")]


def macs_conv(node: ir.Node) -> int:
    """Return the multiply-accumulates of the float node."""
    return dims(node.inputs[0])[0] * macs_of(node, conv_shape(node, list(dims(node.inputs[1])[2:])))


def macs_of(node: ir.Node, shape: ConvShape) -> int:
    """Return the multiply-accumulates of a convolution or a transposed one with these sizes."""
    if node.op_type == "Conv":
        return shape.macs
    return (
        shape.in_c * shape.in_h * shape.in_w * shape.out_c // shape.groups * shape.k_h * shape.k_w
    )


def shape_argument(shape: ConvShape) -> str:
    """A pointer to an ``ek_conv_shape``."""
    return f"&(const ek_conv_shape){{{', '.join(map(str, shape.fields()))}}}"
