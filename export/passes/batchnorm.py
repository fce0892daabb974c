"""BatchNorm in inference is a scale and a shift per channel: fold it into a neighbour's weights."""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.export.passes.affine import layer_constants
from edgekit.export.passes.each_node import EachNode
from edgekit.graph.facts import facts_of
from edgekit.graph.nodes import (
    add_initializer,
    array_of,
    attribute,
    producer_of,
    replace,
    sole_user,
    static_shape,
)


@dataclass(frozen=True)
class _Affine:
    """``y = x * scale + shift`` per channel (axis 1), both (channels,) float64."""

    scale: Array
    shift: Array


class FoldBatchNorm(EachNode):
    """Fold BatchNormalization into the layer before it, else the next one, else Mul and Add.

    Before: Conv, ConvTranspose, Gemm or MatMul with constant weights whose output has no other reader. After: Gemm or
    MatMul on 2-D data, where the normalized axis is the one that is summed over. The new weights are computed in
    float64 and rounded once.
    """

    def rewrite(self, graph: ir.Graph, node: ir.Node) -> bool:
        """Fold one BatchNormalization."""
        affine = _affine(node)
        if affine is None:
            return False
        if not (_into_previous(graph, node, affine) or _into_next(graph, node, affine)):
            _into_mul_add(graph, node, affine)
        return True


def _affine(node: ir.Node) -> _Affine | None:
    """Return the scale and shift of a BatchNormalization of constants; None of any other node."""
    if not _normalizes_alone(node) or static_shape(node.inputs[0]) is None:
        return None
    parameters = [array_of(value) for value in node.inputs[1:5]]
    if any(array is None for array in parameters):
        return None
    gamma, beta, mean, variance = (np.asarray(array, np.float64) for array in parameters)
    scale = gamma / np.sqrt(variance + attribute(node, "epsilon", 1e-5))
    return _Affine(scale, beta - mean * scale)


def _normalizes_alone(node: ir.Node) -> bool:
    """Whether a node is a BatchNormalization in inference mode without statistics outputs."""
    if node.op_type != "BatchNormalization" or node.domain or attribute(node, "training_mode", 0):
        return False
    return not any(output.uses() for output in node.outputs[1:])


def _into_previous(graph: ir.Graph, node: ir.Node, affine: _Affine) -> bool:
    source, layer = node.inputs[0], producer_of(node.inputs[0])
    if source is None or layer is None or layer.domain or sole_user(source) is not node:
        return False
    constants = layer_constants(layer)
    if constants is None:
        return False
    weight, bias = constants
    scaled = _scale_outputs(layer, weight, affine.scale)
    if scaled is None:
        return False
    beta = attribute(layer, "beta", 1.0) if layer.op_type == "Gemm" else 1.0
    old_bias = np.zeros(1) if bias is None else np.asarray(bias, np.float64) * beta
    shift = (old_bias * affine.scale + affine.shift).reshape(-1)
    _rebuild(graph, node, layer, layer.inputs[0], scaled, shift)
    return True


def _scale_outputs(layer: ir.Node, weight: Array, scale: Array) -> Array | None:
    """Return the weights with every output channel scaled; None if the layer does not allow it."""
    facts = facts_of(layer)
    if facts.linear and facts.slides:
        return _scale_kernels(layer, weight, scale)
    if layer.op_type == "Gemm" and attribute(layer, "transB", 0):
        return weight * scale[:, None]
    if layer.op_type == "Gemm" or (layer.op_type == "MatMul" and _is_2d(layer)):
        return weight * scale
    return None


def _scale_kernels(layer: ir.Node, weight: Array, scale: Array) -> Array:
    if layer.op_type == "Conv":
        return weight * scale.reshape(-1, *[1] * (weight.ndim - 1))
    groups = attribute(layer, "group", 1)
    split = weight.reshape(groups, -1, *weight.shape[1:])
    per_group = scale.reshape(groups, 1, -1, *[1] * (weight.ndim - 2))
    return (split * per_group).reshape(weight.shape)


def _into_next(graph: ir.Graph, node: ir.Node, affine: _Affine) -> bool:
    layer = sole_user(node.outputs[0])
    constants = None
    if layer is not None and _multiplies_rows(layer, node.outputs[0]):
        constants = layer_constants(layer)
    if layer is None or constants is None:
        return False
    weight, bias = constants
    transposed = bool(attribute(layer, "transB", 0))
    matrix = np.asarray(weight, np.float64)
    matrix = matrix.T if transposed else matrix
    shift = attribute(layer, "alpha", 1.0) * (affine.shift @ matrix)
    if bias is not None:
        shift = shift + attribute(layer, "beta", 1.0) * np.asarray(bias, np.float64).reshape(-1)
    scaled = affine.scale[:, None] * matrix
    _rebuild(graph, layer, layer, node.inputs[0], scaled.T if transposed else scaled, shift)
    graph.remove(node, safe=True)
    return True


def _multiplies_rows(layer: ir.Node, data: ir.Value) -> bool:
    """Whether a layer is a product of the rows of `data` with a matrix."""
    if layer.op_type not in ("Gemm", "MatMul") or layer.domain or attribute(layer, "transA", 0):
        return False
    return layer.inputs[0] is data and _is_2d(layer)


def _is_2d(layer: ir.Node) -> bool:
    return all(len(static_shape(value) or ()) == 2 for value in layer.inputs[:2])


def _rebuild(
    graph: ir.Graph,
    place: ir.Node,
    layer: ir.Node,
    data: ir.Value | None,
    weight: Array,
    bias: Array,
) -> None:
    """Replace `place` by `layer` with new weights and bias; `layer` itself is removed."""
    name = layer.inputs[1].name if layer.inputs[1] is not None else layer.name
    inputs = [
        data,
        add_initializer(graph, f"{name}_folded", weight.astype(np.float32)),
        add_initializer(graph, f"{name}_folded_bias", bias.astype(np.float32)),
    ]
    kept = [attr for key, attr in layer.attributes.items() if key != "beta"]
    op_type = "Gemm" if layer.op_type == "MatMul" else layer.op_type
    folded = ir.Node("", op_type, inputs, kept, num_outputs=1, name=layer.name)
    folded.metadata_props.update(layer.metadata_props)
    replace(graph, place, [folded])
    if layer is not place:
        graph.remove(layer, safe=True)


def _into_mul_add(graph: ir.Graph, node: ir.Node, affine: _Affine) -> None:
    rank = len(static_shape(node.inputs[0]) or ())
    shape = (1, -1, *[1] * (rank - 2))
    name = node.name or node.outputs[0].name
    scale = add_initializer(graph, f"{name}_scale", affine.scale.astype(np.float32).reshape(shape))
    shift = add_initializer(graph, f"{name}_shift", affine.shift.astype(np.float32).reshape(shape))
    mul = ir.node("Mul", [node.inputs[0], scale], name=f"{name}_scale")
    mul.outputs[0].shape, mul.outputs[0].type = node.outputs[0].shape, node.outputs[0].type
    add = ir.node("Add", [mul.outputs[0], shift], name=f"{name}_shift")
    mul.outputs[0].name = f"{node.outputs[0].name}_scaled"
    mul.metadata_props.update(node.metadata_props)
    replace(graph, node, [mul, add])
