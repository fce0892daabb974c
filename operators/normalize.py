"""Normalizations with statistics of their own (layer, instance) or given ones (batch)."""

import numpy as np
import onnx_ir as ir

from edgekit.operators.operator import Array
from edgekit.operators.pointwise import twin as pointwise_twin


def _epsilon(node: ir.Node) -> float:
    epsilon = node.attributes.get("epsilon")
    return 1e-5 if epsilon is None else epsilon.as_float()


def layernorm(node: ir.Node, x: list[Array]) -> list[Array]:
    """Over the last axes: the result, the means and the inverse deviations."""
    n, bias = x[1].size, x[2].ravel() if len(x) > 2 and x[2] is not None else None
    rows = x[0].reshape(-1, n)
    y = pointwise_twin.ek_layernorm_f32(rows, x[1].ravel(), bias, _epsilon(node))
    return [y, *pointwise_twin.row_statistics(rows, _epsilon(node))]


def instancenorm(node: ir.Node, x: list[Array]) -> list[Array]:
    """Over each channel."""
    rows = x[0].reshape(*x[0].shape[:2], -1)
    return [pointwise_twin.ek_instancenorm_f32(rows, x[1], x[2], _epsilon(node))]


def batchnorm(node: ir.Node, x: list[Array]) -> list[Array]:
    """With given statistics."""
    data, scale, bias, mean, variance = x
    with np.errstate(all="ignore"):
        factor = scale / pointwise_twin.ek_sqrt_f32(variance + np.float32(_epsilon(node)))
        shift = bias - mean * factor
        shape = (1, -1, *(1,) * (data.ndim - 2)) if data.ndim > 1 else (-1,)
        return [data * factor.reshape(shape) + shift.reshape(shape)]
