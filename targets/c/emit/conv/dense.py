"""Convolutions that are one matrix product, as fully connected layers: those of a single frame.

A convolution whose kernel covers all of its input has one output element per channel, whose taps lie in memory order. A
transposed convolution of one input element spreads each channel over all of its output. One of a few inputs, all of
which each of its outputs reads, is a row of taps per output. Sums of float layers run in the order of the convolutions'
kernels, so that they have the same bits.
"""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from edgekit.base.arrays import Array
from edgekit.operators.geometry import ConvShape, conv_shape, dims, ints, optional
from edgekit.operators.roles import constant
from edgekit.targets.c.emit.base import (
    Context,
    array_attribute,
    int_attribute,
)
from edgekit.targets.c.emit.epilogue import epilogue_arguments
from edgekit.targets.c.emit.linear import emit_rows_int
from edgekit.targets.c.rewrite.phases import phases_of

INT32_LIMIT = 2**31
LEAST_DENSITY = (
    0.3  # of products with taps: below, those with zeros take longer than phases one by one
)


@dataclass(frozen=True)
class Dense:
    """The matrix `w` (outputs, inputs), and which channel's numbers each output takes."""

    w: Array
    channels: NDArray[np.intp]


def dense(op_type: str, w: Array, s: ConvShape) -> Dense | None:
    """Return a convolution of ``ek_conv``'s weights as a matrix; None where it is none."""
    if s.groups != 1 or s.pad_top or s.pad_left:
        return None
    channels = np.arange(s.out_c)
    if op_type == "Conv":
        whole = (s.k_h, s.k_w) == (s.in_h, s.in_w) and s.out_h == s.out_w == 1
        near = (s.dil_h == 1 or s.k_h == 1) and (s.dil_w == 1 or s.k_w == 1)
        return Dense(w.reshape(s.out_c, -1), channels) if whole and near else None
    whole = s.in_h == s.in_w == 1 and (s.k_h, s.k_w) == (s.out_h, s.out_w)
    if not whole or s.dil_h != 1 or s.dil_w != 1:
        return None
    return Dense(w.reshape(s.in_c, -1).T, np.repeat(channels, s.out_h * s.out_w))


def dense_of(node: ir.Node) -> Dense | None:
    """A float convolution of constant weights and biases as a matrix; None where it is none."""
    w, bias = constant(node.inputs[1]), optional(node, 2)
    if w is None or (bias is not None and constant(bias) is None):
        return None
    return dense(node.op_type, w, conv_shape(node, list(w.shape[2:])))


def emit_dense(ctx: Context, node: ir.Node) -> None:
    """A float convolution that is a matrix product, as ``ek_fc_f32``."""
    x, y = node.inputs[0], node.outputs[0]
    found, bias = dense_of(node), constant(optional(node, 2))
    assert found is not None
    n, k = found.w.shape
    matrix = ctx.weights(node, "ek_fc_f32", {"w": found.w.T})
    spread = "NULL" if bias is None else ctx.constant(f"{node.name}_b", bias[found.channels])
    epilogue = epilogue_arguments(ctx, node)
    ctx.call(
        "ek_fc_f32", ctx.pointer(x), *matrix, spread, *epilogue, ctx.pointer(y), dims(x)[0], k, n
    )


def _dense_phases(w: Array, s: ConvShape) -> Dense | None:
    """Return a transposed convolution of one block of outputs as a matrix; None where it is none."""
    found = phases_of(w, s)
    if found is None or found.copies or found.density < LEAST_DENSITY:
        return None
    matrix = dense("Conv", found.w, found.shape)
    return None if matrix is None else Dense(matrix.w, found.channels)


def dense_int_of(node: ir.Node) -> tuple[Dense, Array] | None:
    """An integer convolution as a matrix, and the bias with its zero point folded in; None where it is none."""
    w, shape = array_attribute(node, "w"), ConvShape.of(ints(node, "shape", []))
    found = dense(node.op_type, w, shape)
    if found is None and node.op_type == "ConvTranspose":
        found = _dense_phases(w, shape)
    if found is None:
        return None
    bias = array_attribute(node, "bias")[found.channels]
    folded = fitting_bias(found.w, bias, int_attribute(node, "x_zero"))
    return None if folded is None else (found, folded)


def emit_dense_int(ctx: Context, node: ir.Node) -> None:
    """An integer convolution that is a matrix product, as ``ek_fc``."""
    both = dense_int_of(node)
    assert both is not None
    found, folded = both
    mult, shift = (array_attribute(node, name)[found.channels] for name in ("mult", "shift"))
    emit_rows_int(ctx, node, found.w, folded, mult, shift)


def fitting_bias(w: Array, bias: Array, x_zero: int) -> Array | None:
    """The bias of w (outputs, inputs) with the zero point folded into it; None where sums could outgrow int32."""
    wide = w.astype(np.int64)
    folded = bias - x_zero * wide.sum(axis=1)
    if bias.dtype == np.int32 and (abs(folded) + 128 * abs(wide).sum(axis=1)).max() >= INT32_LIMIT:
        return None
    fitting: Array = folded.astype(bias.dtype)
    return fitting
