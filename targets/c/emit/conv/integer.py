"""Conv and ConvTranspose in integers, 1-D and 2-D."""

from collections.abc import Callable
from functools import partial

import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.operators.geometry import ConvShape, ints
from edgekit.targets.c.emit.base import C_TYPES, Context, array_attribute, int_attribute, int_kernel
from edgekit.targets.c.emit.conv import rows as conv_rows
from edgekit.targets.c.emit.conv.dense import (
    LEAST_DENSITY,
    dense_int_of,
    emit_dense_int,
    fitting_bias,
)
from edgekit.targets.c.emit.conv.float32 import KERNELS, macs_of, shape_argument, trimmed_weights
from edgekit.targets.c.emit.conv.rows import phases_of_node
from edgekit.targets.c.emit.kernels import Kernel, Selection, constant_kernel
from edgekit.targets.c.emit.linear import keeps_pattern
from edgekit.targets.c.emit.movement.copies import copy_loops
from edgekit.targets.c.packing import winograd_int
from edgekit.targets.c.packing.conv_paths import CONV_PATHS, TRANSPOSED_PATHS, ConvPath, pack_conv
from edgekit.targets.c.packing.sparse import sparse_rows
from edgekit.targets.c.plan.storage import item_bytes
from edgekit.targets.instruction_sets import packing_of

INT4_TYPE = ir.DataType.INT4.numpy()
ShapeOf = Callable[[ir.Node], ConvShape | None]


def emit_conv_int(ctx: Context, node: ir.Node) -> None:
    """Integer convolution."""
    ctx.emit(INT_KERNELS, node)


def _conv_shape(node: ir.Node) -> ConvShape | None:
    """Return the shape of a convolution, or of a transposed one's phases as a convolution; None for others."""
    if node.op_type == "Conv":
        return ConvShape.of(ints(node, "shape", [])).trimmed().lying().flat()
    found = phases_of_node(node)
    return None if found is None else found.shape.lying().flat()


def _transposed_shape(node: ir.Node) -> ConvShape | None:
    """Return the shape of a transposed convolution as it is; None for other nodes."""
    transposed = node.op_type == "ConvTranspose"
    return ConvShape.of(ints(node, "shape", [])).lying() if transposed else None


def _emit_conv(path: ConvPath, ctx: Context, node: ir.Node) -> None:
    """Emit a kernel of convolutions."""
    if node.op_type == "ConvTranspose":
        _emit_phases(path, ctx, node)
    elif not _emit_sparse_int(ctx, node):
        parts = _parts(node)
        parts["w"] = trimmed_weights(parts["w"], ConvShape.of(ints(node, "shape", [])))
        _call_packed(ctx, node, path, parts, _conv_shape(node), ctx.pointer(node.outputs[0]))


def _emit_phases(path: ConvPath, ctx: Context, node: ir.Node) -> None:
    """A transposed convolution by a kernel of convolutions, its phases as channels, which are then put side by side."""
    found, y = phases_of_node(node), node.outputs[0]
    assert found is not None and y.dtype is not None
    parts = {name: array[found.channels] for name, array in _parts(node).items() if name != "w"}
    sums = f"({ctx.scratch(node, C_TYPES[y.dtype])})" if found.copies else ctx.pointer(y)
    _call_packed(ctx, node, path, {"w": found.w} | parts, _conv_shape(node), sums)
    for loops, start, to in found.copies:
        copy_loops(ctx, y, sums, ctx.pointer(y), loops, start, to)


def _emit_transposed(path: ConvPath, ctx: Context, node: ir.Node) -> None:
    """Emit a kernel of transposed convolutions."""
    y = ctx.pointer(node.outputs[0])
    _call_packed(ctx, node, path, _parts(node), _transposed_shape(node), y)


def _parts(node: ir.Node) -> dict[str, Array]:
    return {name: array_attribute(node, name) for name in ("w", "bias", "mult", "shift")}


def _phases_pay(selection: Selection, node: ir.Node) -> bool:
    """Whether one convolution of all phases takes less time than one for each."""
    found = phases_of_node(node)
    return (
        found is not None
        and found.density >= LEAST_DENSITY
        and not conv_rows.is_runs(selection, node)
    )


def _room_of_phases(_: Selection, node: ir.Node) -> int:
    """Return the bytes of the outputs of all phases, before they are interleaved."""
    found = phases_of_node(node)
    if found is None or not found.copies:
        return 0
    return found.shape.out_c * found.shape.out_h * found.shape.out_w * item_bytes(node.outputs[0])


def _conv_kernel(path: ConvPath) -> Kernel:
    """The kernel of a way to compute convolutions, transposed ones by their phases among them."""

    def pays(selection: Selection, node: ir.Node) -> bool:
        counts = node.op_type == "Conv" or _phases_pay(selection, node)
        return counts and _pays(path, _conv_shape, selection, node)

    return Kernel(
        partial(int_kernel, path.kernel),
        partial(_emit_conv, path),
        partial(_path_supports, path, _conv_shape),
        pays,
        _room_of_phases,
    )


def _transposed_kernel(path: ConvPath) -> Kernel:
    """The kernel of a way to compute transposed convolutions."""
    return Kernel(
        partial(int_kernel, path.kernel),
        partial(_emit_transposed, path),
        partial(_path_supports, path, _transposed_shape),
        partial(_pays, path, _transposed_shape),
    )


def _path_supports(path: ConvPath, shape_of: ShapeOf, selection: Selection, node: ir.Node) -> bool:
    """Whether a way to compute convolutions computes a layer."""
    own, is_int4 = selection.packing, array_attribute(node, "w").dtype == INT4_TYPE
    bits = 8 * item_bytes(node.inputs[0])
    if not path.has(own, bits, is_int4):
        return False
    shape = shape_of(node)
    return shape is not None and path.takes(shape, own, bits)


def _pays(path: ConvPath, shape_of: ShapeOf, selection: Selection, node: ir.Node) -> bool:
    """Whether it takes less time than the paths after it."""
    shape, bits = shape_of(node), 8 * item_bytes(node.inputs[0])
    return shape is not None and path.pays(shape, selection.packing, bits, selection.costs)


def _call_packed(
    ctx: Context,
    node: ir.Node,
    path: ConvPath,
    parts: dict[str, Array],
    shape: ConvShape | None,
    y: str,
) -> None:
    """Call a kernel with weights and biases as it reads them; y is where its outputs go."""
    assert shape is not None
    own, kernel = packing_of(ctx.profile.kernels), int_kernel(path.kernel, node)
    zero = int_attribute(node, "x_zero")
    w, bias = pack_conv(own, kernel, parts["w"], parts["bias"], zero, shape)
    _call_int(ctx, node, kernel, parts | {"w": w, "bias": bias}, shape, y)


def _call_int(
    ctx: Context,
    node: ir.Node,
    kernel: str,
    parts: dict[str, Array],
    shape: ConvShape,
    y: str,
) -> None:
    """Call a kernel with its weights, biases and factors; y is where its outputs go."""
    arrays = [ctx.constant(f"{node.name}_{name}", array) for name, array in parts.items()]
    numbers = [int_attribute(node, name) for name in ("y_zero", "y_min", "y_max")]
    ctx.call(
        kernel,
        ctx.pointer(node.inputs[0]),
        int_attribute(node, "x_zero"),
        *arrays,
        *numbers,
        y,
        shape_argument(shape),
    )


def _emit_tiles_int(ctx: Context, node: ir.Node) -> None:
    """Emit ``ek_conv_winograd_s8_s8``."""
    parts, zero = _parts(node), int_attribute(node, "x_zero")
    parts["bias"] = winograd_int.fold_winograd_bias(parts["w"], parts["bias"], zero)
    parts["w"] = winograd_int.pack_winograd(parts["w"])
    shape = ConvShape.of(ints(node, "shape", []))
    _call_int(ctx, node, winograd_int.KERNEL, parts, shape, ctx.pointer(node.outputs[0]))


def _has_tiles_int(selection: Selection, node: ir.Node) -> bool:
    """Whether ``ek_conv_winograd_s8_s8`` has the bits of ``ek_conv_s8_s8``, the alternative for the node."""
    if node.op_type != "Conv" or int_kernel("ek_conv", node) != "ek_conv_s8_s8":
        return False
    w, bias, shift = (array_attribute(node, name) for name in ("w", "bias", "shift"))
    shape = ConvShape.of(ints(node, "shape", []))
    return winograd_int.takes(
        selection.packing, shape, w, bias, shift, int_attribute(node, "x_zero")
    )


def _emit_sparse_int(ctx: Context, node: ir.Node) -> bool:
    """Emit a 1x1 convolution of sparse weights, its zero point folded into the bias; return whether it did."""
    found = _pointwise(node)
    if found is None:
        return False
    rows, folded, shape = found
    x, y, own = node.inputs[0], node.outputs[0], packing_of(ctx.profile.kernels)
    bits = 8 * item_bytes(x)
    (pattern,) = ctx.patterns(node, {"w": rows}, [bits], shape.out_h * shape.out_w)
    if pattern is None:
        return False
    kernel = int_kernel(KERNELS[node.op_type], node, sparse=True)
    parts = {"w": sparse_rows(own, rows, pattern, bits), "bias": folded}
    parts |= {name: array_attribute(node, name) for name in ("mult", "shift")}
    arrays = [ctx.constant(f"{node.name}_{name}", array) for name, array in parts.items()]
    numbers = [int_attribute(node, name) for name in ("y_zero", "y_min", "y_max")]
    ctx.call(kernel, ctx.pointer(x), 0, *arrays, *numbers, ctx.pointer(y), shape_argument(shape))
    return True


def _pointwise(node: ir.Node) -> tuple[Array, Array, ConvShape] | None:
    """The rows of a 1x1 convolution, its bias with the zero point folded in, its shape; None of others."""
    shape = ConvShape.of(ints(node, "shape", [])).lying()
    plain = (shape.k_h, shape.k_w, shape.stride_h, shape.stride_w, shape.groups) == (1, 1, 1, 1, 1)
    same = (shape.in_h, shape.in_w) == (shape.out_h, shape.out_w)
    if node.op_type != "Conv" or not plain or not same or shape.pad_top or shape.pad_left:
        return None
    w = array_attribute(node, "w")
    rows = w.reshape(len(w), -1)
    folded = fitting_bias(rows, array_attribute(node, "bias"), int_attribute(node, "x_zero"))
    return None if folded is None else (rows, folded, shape)


def _is_sparse(selection: Selection, node: ir.Node) -> bool:
    """Whether a 1x1 convolution's weights keep a pattern that pays."""
    found = _pointwise(node)
    if found is None:
        return False
    rows, _, shape = found
    return keeps_pattern(selection, node, rows, shape.out_h * shape.out_w)


def _matrix_keeps_pattern(selection: Selection, node: ir.Node) -> bool:
    """The same of a convolution that is a matrix product."""
    found = dense_int_of(node)
    return found is not None and keeps_pattern(selection, node, found[0].w, 1)


INT_KERNELS = (
    Kernel(partial(int_kernel, "ek_fc", sparse=True), emit_dense_int, _matrix_keeps_pattern),
    Kernel(
        partial(int_kernel, "ek_fc"),
        emit_dense_int,
        lambda _, node: dense_int_of(node) is not None,
        lambda selection, node: not conv_rows.is_runs(selection, node),
    ),
    Kernel(
        partial(int_kernel, "ek_conv", sparse=True), partial(_emit_conv, CONV_PATHS[-1]), _is_sparse
    ),
    Kernel(
        constant_kernel(winograd_int.KERNEL),
        _emit_tiles_int,
        _has_tiles_int,
        lambda selection, node: winograd_int.pays(
            selection.packing, ConvShape.of(ints(node, "shape", []))
        ),
    ),
    Kernel(
        partial(int_kernel, "ek_frame_fc"),
        conv_rows.emit_rows,
        conv_rows.takes,
        conv_rows.pays,
        conv_rows.room,
    ),
    *map(_conv_kernel, CONV_PATHS),
    *map(_transposed_kernel, TRANSPOSED_PATHS),
)


def macs_conv_int(node: ir.Node) -> int:
    """Return the multiply-accumulates of the node's stored geometry."""
    return macs_of(node, ConvShape.of(ints(node, "shape", [])))
