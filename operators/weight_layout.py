"""Layout of a linear layer's weight: which of its axes are output channels, inputs and taps."""

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
