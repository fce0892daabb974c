"""Converts weights around any zero point to int8 weights around zero, exactly.

The part that exceeds 8 bits is applied to a second copy of its input channel.
"""

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.export.passes.foreign_integers.grids import Grid, grid_of, is_dequantizer
from edgekit.graph.facts import facts_of
from edgekit.graph.nodes import add_initializer, array_of, attribute, producer_of, static_shape

LIMIT = 127


def is_weight(node: ir.Node, index: int) -> bool:
    """Whether this input of the node is the weight of a layer."""
    facts = facts_of(node)
    return (facts.linear or facts.name == "MatMul") and index in facts.weights


def narrow_weights(graph: ir.Graph, node: ir.Node, grid: Grid, array: Array) -> bool:
    """Return whether the layers read, from now on at the latest, int8 weights in [-127, 127].

    Args:
        graph: is changed.
        node: the DequantizeLinear of the weights.
        grid: its grid.
        array: the stored weights.
    """
    wide = array.astype(np.int64) - grid.along(grid.zero, array.ndim)
    if not grid.shifted.zero.any() and np.abs(wide).max(initial=0) <= LIMIT:
        return True
    layers = [user.node for user in node.outputs[0].uses()]
    if not all(_can_copy(layer, grid, array) for layer in layers):
        return False
    for layer in layers:
        _narrow(graph, layer, grid, wide)
    return True


def _can_copy(layer: ir.Node, grid: Grid, array: Array) -> bool:
    """Whether the layer reads int8, and its scales do not run along its input channels."""
    along = grid.scale.ndim == 1 and grid.axis == _input_axis(layer)
    if along or array.ndim < 2 or attribute(layer, "transA", 0):
        return False
    if layer.op_type == "MatMul" and array.ndim != 2:
        return False
    return static_shape(layer.inputs[0]) is not None and _reads_stored(layer)


def _reads_stored(layer: ir.Node) -> bool:
    """Whether the layer's input is an activation in one of the stored types."""
    producer = producer_of(layer.inputs[0])
    if producer is None or not is_dequantizer(producer):
        return False
    grid = grid_of(producer)
    return grid is not None and grid.is_stored and array_of(producer.inputs[0]) is None


def _input_axis(layer: ir.Node) -> int:
    """Return the weight's axis of input channels."""
    return int(layer.op_type == "Conv" or bool(attribute(layer, "transB", 0)))


def _narrow(graph: ir.Graph, layer: ir.Node, grid: Grid, wide: Array) -> None:
    groups, axis = int(attribute(layer, "group", 1)), _input_axis(layer)
    # (group, input channel of the group, ...)
    grouped = wide if layer.op_type == "ConvTranspose" else np.moveaxis(wide, axis, 0)
    if layer.op_type == "Conv":
        channels, outputs, *taps = grouped.shape
        grouped = grouped.reshape(channels, groups, outputs // groups, *taps).swapaxes(0, 1)
    else:
        grouped = grouped.reshape(groups, grouped.shape[0] // groups, *grouped.shape[1:])
    narrow, chosen = _split(grouped)
    size = narrow.shape[1]
    if layer.op_type == "Conv":
        narrow = narrow.swapaxes(0, 1).reshape(size, wide.shape[0], *wide.shape[2:])
    else:
        narrow = narrow.reshape(groups * size, *narrow.shape[2:])
    weights = narrow if layer.op_type == "ConvTranspose" else np.moveaxis(narrow, 0, axis)
    _write_weights(graph, layer, grid, weights.astype(np.int8))
    if size != grouped.shape[1]:
        _copy_channels(graph, layer, chosen)


def _split(grouped: Array) -> tuple[Array, Array]:
    """Split (group, channel, ...) into channels within `LIMIT`; returns them and the channels to read.

    Their sums over the copies of a channel are the old weights. Every group has the same number; where
    one has fewer too large channels, copies of its first one get the weight 0.
    """
    groups, channels = grouped.shape[:2]
    parts = [np.clip(grouped, -LIMIT, LIMIT)]
    chosen = [np.tile(np.arange(channels), (groups, 1))]
    rest = grouped - parts[0]
    while rest.any():
        large = np.abs(rest).reshape(groups, channels, -1).max(axis=2) > 0
        count = int(large.sum(axis=1).max())
        order = np.argsort(~large, axis=1, kind="stable")[:, :count]
        part = np.take_along_axis(
            np.clip(rest, -LIMIT, LIMIT), order.reshape(groups, count, *[1] * (rest.ndim - 2)), 1
        )
        parts.append(part)
        chosen.append(order)
        rest = rest - np.clip(rest, -LIMIT, LIMIT)
    starts = channels * np.arange(groups)[:, None]
    return np.concatenate(parts, axis=1), (np.concatenate(chosen, axis=1) + starts).ravel()


def _write_weights(graph: ir.Graph, layer: ir.Node, grid: Grid, weights: Array) -> None:
    stem = layer.name or layer.op_type
    arrays = {
        "weight": weights,
        "weight_scale": grid.scale,
        "weight_zero_point": np.zeros(grid.scale.shape, np.int8),
    }
    inputs = [add_initializer(graph, f"{stem}_{name}", array) for name, array in arrays.items()]
    node = ir.node("DequantizeLinear", inputs, {"axis": grid.axis})
    _insert(graph, layer, 1, [node])


def _copy_channels(graph: ir.Graph, layer: ir.Node, chosen: Array) -> None:
    """Copy these input channels of the layer, on the same grid."""
    source, producer = layer.inputs[0], producer_of(layer.inputs[0])
    assert source is not None and producer is not None
    indices = add_initializer(graph, f"{layer.name or layer.op_type}_channels", chosen)
    axis = len(static_shape(source) or ()) - 1 if layer.op_type == "MatMul" else 1
    moved = ir.node("Gather", [source, indices], {"axis": axis})
    q = ir.node("QuantizeLinear", [moved.outputs[0], *producer.inputs[1:3]])
    real = ir.node("DequantizeLinear", [q.outputs[0], *producer.inputs[1:3]])
    _insert(graph, layer, 0, [moved, q, real])


def _insert(graph: ir.Graph, layer: ir.Node, index: int, nodes: list[ir.Node]) -> None:
    graph.insert_before(layer, nodes)
    value = nodes[-1].outputs[0]
    value.type = ir.TensorType(ir.DataType.FLOAT)
    layer.replace_input_with(index, value)
