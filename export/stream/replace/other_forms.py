"""Padding by zeros or end frames, frames of an STFT that end with the newest sample, attention to the last frames."""

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.export.passes.chain import Chain
from edgekit.export.stream.replace.forms import Form
from edgekit.export.stream.replace.instance import Instance
from edgekit.export.stream.windows import kernel_of, pads_of, per_axis
from edgekit.graph.nodes import array_of, attribute, sole_user, static_shape

UNSEEN = -1e30  # added to the score of a key outside the window


def pad(
    instance: Instance, node: ir.Node, axis: int, before: int, behind: int, mode: str = "constant"
) -> None:
    """Pad time with `before` and `behind` zeros, or by `mode`; other axes stay unchanged."""
    chain, source = Chain(instance.graph, node), node.inputs[0]
    shape = static_shape(source) or ()
    pads = [pads_of(node, n) if n != axis else (0, 0) for n in range(len(shape))]
    value = source
    if any(map(any, pads)):
        amounts = [a for a, _ in pads] + [b for _, b in pads]
        fill = node.inputs[2] if len(node.inputs) > 2 else None
        as_before = attribute(node, "mode", "constant")
        value = chain.add("Pad", value, chain.constant(amounts, np.int64), fill, mode=as_before)
    amounts = [0] * 2 * len(shape)
    amounts[axis], amounts[axis + len(shape)] = before, behind
    chain.add("Pad", value, chain.constant(amounts, np.int64), mode=mode)
    instance.finish(chain, static_shape(node.outputs[0]) or ())


def frames_behind(node: ir.Node, axis: int) -> tuple[int, int] | None:
    """Return length and step of the frames that are cut from a Pad's output; None if there are none."""
    value = node.outputs[0]
    while (reader := sole_user(value)) is not None and reader.op_type == "Reshape":
        last = len(static_shape(value) or ()) - 1
        value = reader.outputs[0]
        axis = len(static_shape(value) or ()) - 1 if axis == last else axis
    if reader is None:
        return None
    if reader.op_type == "Conv" and axis >= 2:
        return kernel_of(reader)[axis - 2], per_axis(reader, "strides")[axis - 2]
    return _rows_of_frames(array_of(reader.inputs[1])) if reader.op_type == "Gather" else None


def _rows_of_frames(index: Array | None) -> tuple[int, int] | None:
    """Length and step of frames that rows of indices pick."""
    if index is None or index.ndim != 2 or len(index) < 2:
        return None
    return index.shape[1], int(index[1, 0] - index[0, 0])


def attention(instance: Instance, node: ir.Node, form: Form) -> None:
    """Limit the attention of each query to its own and the previous frames, `form.window` in all."""
    scores = node.inputs[0]
    rows, columns = (static_shape(scores) or ())[-2:]
    lags = np.arange(rows)[:, None] - np.arange(columns)
    band = np.where((lags >= 0) & (lags < (form.window or 1)), 0, UNSEEN)
    chain = Chain(instance.graph, node)
    masked = chain.add("Add", scores, chain.constant(band))
    axis = int(attribute(node, "axis", -1))
    chain.add("Softmax", masked, axis=axis)
    instance.finish(chain, static_shape(node.outputs[0]) or ())
