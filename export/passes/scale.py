"""Fold constant scales and shifts into the layer before or after them."""

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.export.passes.affine import channel_affine, layer_constants, varying_input
from edgekit.export.passes.each_node import EachNode, rewrite_to_fixpoint
from edgekit.graph.nodes import add_initializer, attribute, producer_of, replace, sole_user


class FoldScales(EachNode):
    """Fold Mul, Div, Add and Sub of constants into Gemm weights (from both sides) and Conv weights.

    After a layer: one value per output channel. Before a Gemm: one value per input. The new
    weights are computed in float64 and rounded once.
    """

    def rewrite(self, graph: ir.Graph, node: ir.Node) -> bool:
        """Fold all neighbours that a layer can absorb."""
        return rewrite_to_fixpoint(_fold_one, graph, node)


def _fold_one(graph: ir.Graph, layer: ir.Node) -> ir.Node | None:
    """Fold one neighbour into a Gemm or Conv; returns the new layer."""
    if layer.domain or layer.graph is None or layer.op_type not in ("Gemm", "Conv"):
        return None
    parts = _parts(layer)
    if parts is None:
        return None
    return _fold_behind(graph, layer, *parts) or _fold_front(graph, layer, *parts)


def _parts(layer: ir.Node) -> tuple[Array, Array] | None:
    """Weights as (output, ...) and bias (output,) in float64; None if they are not plain constants."""
    constants = layer_constants(layer) if _is_plain(layer) else None
    if constants is None:
        return None
    weight, bias = constants
    rows = np.asarray(weight, np.float64)
    if layer.op_type == "Gemm" and not attribute(layer, "transB", 0):
        rows = rows.T
    full = np.zeros(len(rows)) if bias is None else np.broadcast_to(np.ravel(bias), (len(rows),))
    return rows, np.asarray(full, np.float64)


def _is_plain(layer: ir.Node) -> bool:
    """Whether a layer has no factors, and reads its input unchanged."""
    factors = (attribute(layer, name, 1.0) for name in ("alpha", "beta"))
    return all(factor == 1.0 for factor in factors) and not attribute(layer, "transA", 0)


def _fold_behind(graph: ir.Graph, layer: ir.Node, rows: Array, bias: Array) -> ir.Node | None:
    user = sole_user(layer.outputs[0])
    found = None if user is None else channel_affine(user, layer.outputs[0])
    if user is None or found is None:
        return None
    scale, shift = found
    wide = scale.reshape(-1, *[1] * (rows.ndim - 1))
    return _rebuild(graph, user, layer, layer.inputs[0], rows * wide, bias * scale + shift)


def _fold_front(graph: ir.Graph, layer: ir.Node, rows: Array, bias: Array) -> ir.Node | None:
    source, above = layer.inputs[0], producer_of(layer.inputs[0])
    if layer.op_type != "Gemm" or source is None or above is None or sole_user(source) is not layer:
        return None
    data = varying_input(above)
    found = None if data is None else channel_affine(above, data)
    if data is None or found is None:
        return None
    scale, shift = found
    new = _rebuild(graph, layer, layer, data, rows * scale, bias + rows @ shift)
    graph.remove(above, safe=True)
    return new


def _rebuild(
    graph: ir.Graph, place: ir.Node, layer: ir.Node, data: ir.Value | None, rows: Array, bias: Array
) -> ir.Node:
    """Replace `place` by the layer with new weights and bias."""
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
