"""Constants of affine operators and layers: factors and addends per channel, weights and biases."""

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array, Float64
from edgekit.graph.facts import facts_of
from edgekit.graph.nodes import array_of, optional, static_shape


def varying_input(node: ir.Node) -> ir.Value | None:
    """Return the first operand that is not constant."""
    operands = (value for value in node.inputs if value is not None)
    return next((value for value in operands if array_of(value) is None), None)


def layer_constants(layer: ir.Node) -> tuple[Array, Array | None] | None:
    """Return weights and bias of a layer, as they are stored; None if one of them is computed."""
    weight, bias = array_of(optional(layer, 1)), array_of(optional(layer, 2))
    computed_bias = bias is None and optional(layer, 2) is not None
    return None if weight is None or computed_bias else (weight, bias)


def channel_affine(node: ir.Node, data: ir.Value) -> tuple[Float64, Float64] | None:
    """Return ``(scale, shift)``, each (channels,), of ``y = data * scale + shift`` per channel, axis 1.

    None for anything else than an Add, Div, Mul or Sub of `data` and a constant that keeps its shape.
    """
    affine = facts_of(node).affine
    if affine is None or len(node.inputs) != 2:
        return None
    first = node.inputs[0] is data
    array, shape = array_of(node.inputs[int(first)]), static_shape(data)
    if array is None or shape is None or shape != static_shape(node.outputs[0]):
        return None
    wide = (1,) * (len(shape) - array.ndim) + array.shape
    if len(shape) < 2 or {wide[0], *wide[2:]} != {1}:
        return None
    constant = np.broadcast_to(np.ravel(np.asarray(array, np.float64)), (shape[1],))
    return _scale_and_shift(affine, constant, constant_behind=first)


def _scale_and_shift(
    affine: str, constant: Float64, *, constant_behind: bool
) -> tuple[Float64, Float64] | None:
    one, zero = np.ones(constant.shape), np.zeros(constant.shape)
    if affine == "multiplies":
        return constant, zero
    if affine == "adds":
        return one, constant
    if affine == "subtracts":
        return (one, -constant) if constant_behind else (-one, constant)
    return (1 / constant, zero) if constant_behind and constant.all() else None
