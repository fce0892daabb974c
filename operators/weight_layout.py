"""Layout of a linear layer's weight: which of its axes are output channels, inputs and taps."""

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array


def output_axis(node: ir.Node) -> int:
    """Return the weight's axis of output channels."""
    if node.op_type == "Gemm":
        transposed = node.attributes.get("transB")
        return 0 if transposed is not None and transposed.as_int() else 1
    return 1 if node.op_type == "ConvTranspose" else 0


def transposed_groups(node: ir.Node) -> int:
    """Return the groups of a ConvTranspose, hidden by its weight (input channels, outputs of a group, ...); else 1."""
    group = node.attributes.get("group")
    return 1 if node.op_type != "ConvTranspose" or group is None else group.as_int()


def channel_rows(node: ir.Node, weight: Array) -> Array:
    """Lay a linear node's weight out as (output channel, ...)."""
    groups = transposed_groups(node)
    if groups == 1:
        return np.moveaxis(weight, output_axis(node), 0)
    split = weight.reshape(groups, len(weight) // groups, *weight.shape[1:]).swapaxes(1, 2)
    return split.reshape(groups * weight.shape[1], *split.shape[2:])


def from_channel_rows(node: ir.Node, rows: Array, shape: tuple[int, ...]) -> Array:
    """Undo `channel_rows`."""
    groups = transposed_groups(node)
    if groups == 1:
        return np.ascontiguousarray(np.moveaxis(rows, 0, output_axis(node))).reshape(shape)
    split = rows.reshape(groups, len(rows) // groups, *rows.shape[1:]).swapaxes(1, 2)
    return np.ascontiguousarray(split).reshape(shape)


def summed_rows(rows: Array, strides: Sequence[int], dilations: Sequence[int]) -> Array:
    """Lay weights (output channel, input, *taps) of a transposed convolution out by the sums that they enter.

    An output element meets the taps whose places have its own remainder by the stride. The result is (output channel x
    remainders, input, *taps), with zeros where a remainder has fewer taps than others.
    """
    result = rows
    for axis, (stride, dilation) in enumerate(zip(strides, dilations, strict=True), start=2):
        remainders = np.arange(rows.shape[axis]) * dilation % stride
        taps = [np.flatnonzero(remainders == r) for r in np.unique(remainders)]
        most = max(map(len, taps))
        blank = [(0, int(n == axis)) for n in range(rows.ndim)]  # a zero behind the last tap
        places = [np.pad(of_one, (0, most - len(of_one)), constant_values=-1) for of_one in taps]
        sums = np.take(np.pad(result, blank), np.stack(places, axis=1), axis=axis)
        result = np.moveaxis(sums, axis + 1, 1).reshape(
            -1, *sums.shape[1 : axis + 1], *sums.shape[axis + 2 :]
        )
    return result
