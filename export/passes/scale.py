"""Fold constant scales and shifts into the layer in front of or behind them."""

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.graph.facts import facts_of
from edgekit.graph.nodes import (
    add_initializer,
    array_of,
    attribute,
    replace,
    sole_user,
    static_shape,
)


class FoldScales(ir.passes.InPlacePass):
    """Fold Mul, Div, Add and Sub of constants into Gemm weights (from both sides) and Conv weights.

    Behind a layer: one value per output channel. In front of a Gemm: one value per input. The new
    weights are computed in float64 and rounded once.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Fold in place."""
        modified = False
        for node in list(model.graph):
            layer: ir.Node | None = node
            while layer is not None and (layer := _fold_one(model.graph, layer)) is not None:
                modified = True
        return ir.passes.PassResult(model, modified=modified)


def _fold_one(graph: ir.Graph, layer: ir.Node) -> ir.Node | None:
    """Fold one neighbour into a Gemm or Conv; returns the new layer."""
    if layer.domain or layer.graph is None or layer.op_type not in ("Gemm", "Conv"):
        return None
    parts = _parts(layer)
    if parts is None:
        return None
    return _fold_behind(graph, layer, *parts) or _fold_front(graph, layer, *parts)


def _parts(layer: ir.Node) -> tuple[Array, Array] | None:
    """Weights as (output, ...) and bias (output,) in float64; None where they are not plain constants."""
    weight = array_of(layer.inputs[1])
    bias_value = layer.inputs[2] if len(layer.inputs) > 2 else None
    bias = array_of(bias_value)
    plain = all(attribute(layer, n, 1.0) == 1.0 for n in ("alpha", "beta")) and not attribute(
        layer, "transA", 0
    )
    if weight is None or (bias_value is not None and bias is None) or not plain:
        return None
    rows = np.asarray(weight, np.float64)
    if layer.op_type == "Gemm" and not attribute(layer, "transB", 0):
        rows = rows.T
    full = np.zeros(len(rows)) if bias is None else np.broadcast_to(np.ravel(bias), (len(rows),))
    return rows, np.asarray(full, np.float64)


def _fold_behind(graph: ir.Graph, layer: ir.Node, rows: Array, bias: Array) -> ir.Node | None:
    user = sole_user(layer.outputs[0])
    axis = 1
    found = None if user is None else _constant(user, layer.outputs[0], axis, len(rows))
    if user is None or found is None:
        return None
    scale, shift = found
    wide = scale.reshape(-1, *[1] * (rows.ndim - 1))
    return _rebuild(graph, user, layer, layer.inputs[0], rows * wide, bias * scale + shift)


def _fold_front(graph: ir.Graph, layer: ir.Node, rows: Array, bias: Array) -> ir.Node | None:
    source = layer.inputs[0]
    above = source.producer() if source is not None else None
    if layer.op_type != "Gemm" or source is None or above is None or sole_user(source) is not layer:
        return None
    data = next((v for v in above.inputs if v is not None and array_of(v) is None), None)
    found = None if data is None else _constant(above, data, 1, rows.shape[1])
    if data is None or found is None:
        return None
    scale, shift = found
    new = _rebuild(graph, layer, layer, data, rows * scale, bias + rows @ shift)
    graph.remove(above, safe=True)
    return new


def _constant(node: ir.Node, data: ir.Value, axis: int, size: int) -> tuple[Array, Array] | None:
    """``(scale, shift)`` of ``y = x * scale + shift`` along one axis; None for anything else."""
    affine = facts_of(node).affine
    if affine is None or len(node.inputs) != 2:
        return None
    position = 0 if node.inputs[0] is data else 1
    array, shape = array_of(node.inputs[1 - position]), static_shape(data)
    if array is None or shape is None or shape != static_shape(node.outputs[0]):
        return None
    full = (1,) * (len(shape) - array.ndim) + array.shape
    if len(full) != len(shape) or any(n != 1 and i != axis for i, n in enumerate(full)):
        return None
    values = np.broadcast_to(np.ravel(np.asarray(array, np.float64)), (size,))
    one, zero = np.ones(size), np.zeros(size)
    if affine == "multiplies":
        return values, zero
    if affine == "adds":
        return one, values
    if affine == "subtracts":
        return (one, -values) if position == 0 else (-one, values)
    return (1 / values, zero) if position == 0 and np.all(values != 0) else None


def _rebuild(
    graph: ir.Graph, place: ir.Node, layer: ir.Node, data: ir.Value | None, rows: Array, bias: Array
) -> ir.Node:
    """Put the layer with new weights and bias in the place of `place`."""
    weight = rows.T if layer.op_type == "Gemm" and not attribute(layer, "transB", 0) else rows
    inputs = [
        data,
        add_initializer(graph, f"{layer.name}.weight", weight.astype(np.float32)),
        add_initializer(graph, f"{layer.name}.bias", bias.astype(np.float32)),
    ]
    new = ir.Node(
        "", layer.op_type, inputs, layer.attributes.values(), num_outputs=1, name=layer.name
    )
    new.outputs[0].shape, new.outputs[0].type = place.outputs[0].shape, place.outputs[0].type
    new.metadata_props.update(layer.metadata_props)
    replace(graph, place, [new])
    if layer is not place:
        graph.remove(layer, safe=True)
    return new
