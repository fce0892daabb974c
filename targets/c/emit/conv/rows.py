"""Integer transposed convolutions block by block: one product of a window of inputs with the rows of all phases.

The channels of the inputs are interleaved. So a block of outputs reads a contiguous piece of memory for each row of the
window. The outputs of a block are runs of ``stride`` neighbours in each channel.
"""

from collections.abc import Callable
from math import prod

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.operators.geometry import ConvShape, ints
from edgekit.targets.c.emit.base import (
    C_TYPES,
    Context,
    array_attribute,
    int_attribute,
    int_kernel,
)
from edgekit.targets.c.emit.conv.dense import LEAST_DENSITY, fitting_bias
from edgekit.targets.c.emit.kernels import Selection
from edgekit.targets.c.emit.movement.copies import copy_loops
from edgekit.targets.c.loops.strides import index, merge, nest
from edgekit.targets.c.packing.conv_paths import RUNS
from edgekit.targets.c.plan.storage import item_bytes
from edgekit.targets.c.rewrite.phases import Part, Phases, phases_of

ALIGN = 16
FEW_BLOCKS, MANY_ROWS, FEW_ROWS = 12, 16, 4


def phases_of_node(node: ir.Node) -> Phases | None:
    """The convolution that a transposed one in integers is; None of others."""
    if node.op_type != "ConvTranspose":
        return None
    return phases_of(array_attribute(node, "w"), ConvShape.of(ints(node, "shape", [])))


def takes(_: Selection, node: ir.Node) -> bool:
    """Whether the layer is transposed, of one group and int8 weights, and its zero point fits into the bias."""
    found = phases_of_node(node)
    if found is None or found.shape.groups != 1 or found.w.dtype != np.int8:
        return False
    return _bias(node, found) is not None


def is_runs(selection: Selection, node: ir.Node) -> bool:
    """Whether ``ek_conv_transpose_runs`` takes a layer, and that pays: not with Helium and VNNI, by measurement."""
    x, own = node.inputs[0], selection.packing
    if (
        node.op_type != "ConvTranspose"
        or own.offset
        or (own.tiles is not None and own.tiles.strips)
    ):
        return False
    narrow = array_attribute(node, "w").dtype == np.int8 and x is not None and item_bytes(x) == 1
    shape = ConvShape.of(ints(node, "shape", []))
    return narrow and RUNS.takes(shape, own, 8) and RUNS.pays(shape, own, 8, selection.costs)


def pays(selection: Selection, node: ir.Node) -> bool:
    """Whether this takes less time than a convolution, which lays the window of every position.

    Kernels with vectors of positions, or tiles, lay it well, those of x86 only from a few positions on. Others do not,
    unless so few outputs read it that they are taken tap by tap.
    """
    found, own = phases_of_node(node), selection.packing
    assert found is not None
    if own.tiles is not None or found.density < LEAST_DENSITY or is_runs(selection, node):
        return False
    s = found.shape
    if own.windows:
        return s.out_h * s.out_w <= FEW_BLOCKS and s.out_c >= MANY_ROWS
    return s.out_c >= FEW_ROWS or s.out_w < FEW_BLOCKS


def room(_: Selection, node: ir.Node) -> int:
    """The inputs with their channels side by side, and the outputs of a block."""
    found = phases_of_node(node)
    assert found is not None
    return _laid_bytes(node, found) + found.shape.out_c * item_bytes(node.outputs[0])


def _bias(node: ir.Node, found: Phases) -> Array | None:
    rows = found.w.reshape(len(found.w), -1)
    bias = array_attribute(node, "bias")[found.channels]
    return fitting_bias(rows, bias, int_attribute(node, "x_zero"))


def _frames(s: ConvShape) -> tuple[int, int]:
    """Return rows and columns of inputs that the windows of all blocks span, with those outside."""
    return s.out_h + s.k_h - 1, s.out_w + s.k_w - 1


def _laid_bytes(node: ir.Node, found: Phases) -> int:
    size = prod(_frames(found.shape)) * found.shape.in_c * item_bytes(node.inputs[0])
    return -(-size // ALIGN) * ALIGN


def emit_rows(ctx: Context, node: ir.Node) -> None:
    """Emit ``ek_frame_fc``, a call for each block."""
    found, x, y = phases_of_node(node), node.inputs[0], node.outputs[0]
    assert found is not None and x is not None and x.dtype is not None and y.dtype is not None
    s, wide = found.shape, _frames(found.shape)[1]
    laid = f"({ctx.scratch(node, C_TYPES[x.dtype])})"
    space = f"{ctx.scratch(node, 'unsigned char')} + {_laid_bytes(node, found)}"
    made = f"(({C_TYPES[y.dtype]} *)(void *)({space}))"
    _lay(ctx, node, s, laid)
    blocks = found.w.transpose(2, 0, 3, 1).reshape(s.k_h, s.out_c, -1)
    kernel = int_kernel("ek_frame_fc", node)
    bias = _bias(node, found)
    assert bias is not None
    arrays = ctx.weights(node, kernel, {"w": blocks, "bias": bias})
    for name in ("mult", "shift"):
        scale = array_attribute(node, name)[found.channels]
        arrays.append(ctx.constant(f"{node.name}_{name}", scale))
    at = ctx.constant(f"{node.name}_at", np.arange(s.k_h, dtype=np.int32) * (wide * s.in_c))
    numbers = [int_attribute(node, name) for name in ("y_zero", "y_min", "y_max")]
    sizes = s.k_h, s.k_w * s.in_c, s.out_c
    ctx.kernels.add(kernel)

    def call(start: str, to: str) -> str:
        arguments = (f"{laid} + {start}", at, *arrays, *numbers, to, *sizes)
        return f"{kernel}({', '.join(map(str, arguments))});"

    whole = ConvShape.of(ints(node, "shape", []))
    for down in found.parts[0]:
        for right in found.parts[1]:
            for text in _part(found, whole, (down, right), call, made, ctx.pointer(y)):
                ctx.line(text)
    if not _is_run(found, whole):
        ctx.count_moved(y, whole.out_c * whole.out_h * whole.out_w)


def _lay(ctx: Context, node: ir.Node, s: ConvShape, laid: str) -> None:
    """Copy the inputs to [row][column][channel], with the zero point outside of them."""
    x, (high, wide) = node.inputs[0], _frames(s)
    assert x is not None
    rows, columns = min(high - s.pad_top, s.in_h), min(wide - s.pad_left, s.in_w)
    if (rows, columns) != (high, wide):
        ctx.line(f"for (int32_t i = 0; i < {high * wide * s.in_c}; i++) {{")
        ctx.line(f"    {laid}[i] = {int_attribute(node, 'x_zero')};")
        ctx.line("}")
        ctx.count_moved(x, high * wide * s.in_c, 1)
    ours = s.in_w, 1, s.in_h * s.in_w
    loops = merge((rows, columns, s.in_c), (ours, (wide * s.in_c, s.in_c, 1)))
    copy_loops(ctx, x, ctx.pointer(x), laid, loops, 0, (s.pad_top * wide + s.pad_left) * s.in_c)


def _is_run(found: Phases, whole: ConvShape) -> bool:
    """Whether the outputs of a block are neighbours, if all of them are there."""
    return whole.out_c == 1 and found.counts[0] == 1


def _part(
    found: Phases,
    whole: ConvShape,
    parts: tuple[Part, Part],
    call: Callable[[str, str], str],
    made: str,
    y: str,
) -> list[str]:
    """The lines of some blocks: of each the call, and copies of its outputs to where they belong."""
    s, (_, across), wide = found.shape, found.counts, _frames(found.shape)[1]
    (row, rows, down, downs, oy), (column, columns, right, rights, ox) = parts
    blocks = merge(
        (rows, columns),
        ((wide * s.in_c, s.in_c), (whole.stride_h * whole.out_w, whole.stride_w)),
    )
    start = index(blocks, 0, (row * wide + column) * s.in_c)
    to = index(blocks, 1, oy * whole.out_w + ox)
    if _is_run(found, whole) and rights == across:
        return nest(blocks, [call(start, f"{y} + {to}")])
    planes = found.counts[0] * across, whole.out_h * whole.out_w
    runs = merge((whole.out_c, downs), tuple(zip(planes, (across, whole.out_w), strict=True)))
    source, target = index(runs, 0, down * across + right, "r"), index(runs, 1, 0, "r")
    copy = f"memcpy({y} + {to} + {target}, {made} + {source}, {rights} * sizeof *{y});"
    return nest(blocks, [call(start, made), *nest(runs, [copy], "r")])
