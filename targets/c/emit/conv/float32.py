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
    strip = strip_of(shape)
    (packed,) = ctx.weights(node, "ek_frame_fc_f32", {"w": transform_weights(weights)})
    work = (ctx.scratch(node, "float"), strip.rows, strip.columns)
    _emit_images(ctx, node, "ek_conv_winograd_f32", packed, shape, *work)


WIDE = 8  # lanes above which tiles of twelve sums wait less for their outputs


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
    """Whether vectors of output channels take less time than those of positions, as ``ek_conv_f32`` has them.

    Both kernels pay for their products, for idle lanes, and for the outputs made of the sums. Vectors of positions also
    pay for laying out inputs by their strides, which all outputs share, and for narrow rows. The numbers are measured
    on layers of ``bench/layers/layers.py``.
    """
    lanes, s = selection.float_packing.columns, _used_shape(node)
    assert s is not None
    positions, taps = s.out_h * s.out_w, s.in_c * s.k_h * s.k_w
    full = [n / (-(-n // lanes) * lanes) for n in (s.out_c, positions)]
    rows = _share_of_row_products(s, lanes)
    least = taps + (4 if lanes > WIDE else 8)
    return full[0] * taps / (taps + 16) > full[1] * rows * taps / least


def _share_of_row_products(s: ConvShape, lanes: int) -> float:
    """The share of the time of ``ek_conv_f32`` that products take, idle lanes aside; at most 1."""
    kernel, stride, positions = s.k_h * s.k_w, s.stride_h * s.stride_w, s.out_h * s.out_w
    one_row = _is_inside(s) and stride == 1
    pointwise = one_row and kernel == 1
    wide = lanes > WIDE
    if one_row:
        share = 0.97 if wide else 0.95
    else:
        gathered = (3 if s.stride_w <= 2 else 24) / max(kernel / stride, 1)
        share = 0.95 if wide and s.out_w % lanes == 0 else 0.9
        share *= s.out_c / (s.out_c + gathered)
    if s.out_w < 12 and not pointwise:
        share *= 0.75
    if positions < 4 * lanes and not (wide and pointwise and positions % lanes == 0):
        share *= 0.8
    return share


def _is_inside(s: ConvShape) -> bool:
    """Whether no tap is outside the input."""
    ends = [
        (s.out_h - 1) * s.stride_h + (s.k_h - 1) * s.dil_h < s.in_h,
        (s.out_w - 1) * s.stride_w + (s.k_w - 1) * s.dil_w < s.in_w,
    ]
    return s.pad_top == s.pad_left == 0 and all(ends)


def has_room(s: ConvShape) -> bool:
    """Whether the inputs of enough outputs fit into the buffer of ``ek_conv_channels_f32``."""
    kernel, positions = s.k_h * s.k_w, s.out_h * s.out_w
    plain = s.stride_h == s.stride_w == 1 and (s.in_h, s.in_w) == (s.out_h, s.out_w)
    one_row = kernel == 1 and plain and _is_inside(s)
    if 1 < s.out_h <= 4 and s.out_w <= 4 and not one_row:
        return kernel <= 1024 and s.in_c * kernel * min(positions, 4) <= 24576
    tall = s.out_w < 7 and s.out_h > s.out_w
    rows, columns = (7, s.out_w) if tall else (1, 7)
    high = (rows - 1) * s.stride_h + (s.k_h - 1) * s.dil_h + 1
    wide = (columns - 1) * s.stride_w + (s.k_w - 1) * s.dil_w + 1
    return kernel <= 1024 and (_is_inside(s) or s.in_c * high * wide <= 24576)


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
