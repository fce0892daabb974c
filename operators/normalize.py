"""Normalizations with computed statistics (layer, instance) or given ones (batch)."""

import math
from typing import Any

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.graph.nodes import attribute
from edgekit.operators.fixed_point import F32
from edgekit.operators.float_sums import ordered_sum
from edgekit.operators.geometry import dims
from edgekit.operators.operator import Operator
from edgekit.operators.pointwise import twin as pointwise_twin
from edgekit.operators.pointwise.twin import ek_pow_f32, ek_sqrt_f32


def _epsilon(node: ir.Node) -> float:
    epsilon = node.attributes.get("epsilon")
    return 1e-5 if epsilon is None else epsilon.as_float()


def layernorm(node: ir.Node, x: list[Array]) -> list[Array]:
    """Normalize over the last axes: the result, the means and the inverse deviations."""
    n, bias = x[1].size, x[2].ravel() if len(x) > 2 and x[2] is not None else None
    rows = x[0].reshape(-1, n)
    y = ek_layernorm_f32(rows, x[1].ravel(), bias, _epsilon(node))
    return [y, *row_statistics(rows, _epsilon(node))]


def instancenorm(node: ir.Node, x: list[Array]) -> list[Array]:
    """Normalize over each channel."""
    rows = x[0].reshape(*x[0].shape[:2], -1)
    return [ek_instancenorm_f32(rows, x[1], x[2], _epsilon(node))]


def batchnorm(node: ir.Node, x: list[Array]) -> list[Array]:
    """Normalize with given statistics."""
    data, scale, bias, mean, variance = x
    with np.errstate(all="ignore"):
        factor = scale / pointwise_twin.ek_sqrt_f32(variance + np.float32(_epsilon(node)))
        shift = bias - mean * factor
        shape = (1, -1, *(1,) * (data.ndim - 2)) if data.ndim > 1 else (-1,)
        return [data * factor.reshape(shape) + shift.reshape(shape)]


def ek_layernorm_f32(x: F32, scale: F32, bias: F32 | None, eps: float) -> F32:
    """Normalize the last axis, then scale and shift it."""
    mean, inverse = row_statistics(x, eps)
    with np.errstate(all="ignore"):
        y = ((x - mean) * inverse) * scale
        return np.asarray(y if bias is None else y + bias, dtype=np.float32)


def ek_instancenorm_f32(x: F32, scale: F32, bias: F32, eps: float) -> F32:
    """Normalize every channel of x ``(batch, channels, n)``, then scale and shift it."""
    mean, inverse = row_statistics(x, eps)
    with np.errstate(all="ignore"):
        y: F32 = ((x - mean) * inverse) * scale.reshape(-1, 1) + bias.reshape(-1, 1)
    return y


def row_statistics(x: F32, eps: float) -> tuple[F32, F32]:
    """Return mean and ``1 / sqrt(variance + eps)`` of the last axis, keeping the axis."""
    n = np.float32(x.shape[-1])
    with np.errstate(all="ignore"):
        mean = ordered_sum(x) / n
        d = x - mean
        return mean, np.float32(1) / ek_sqrt_f32(ordered_sum(d * d) / n + np.float32(eps))


def lrn(node: ir.Node, x: list[Array]) -> list[Array]:
    """Normalize each element by those at its place in the channels around it."""
    batch, channels, n, *numbers = lrn_numbers(node)
    return [ek_lrn_f32(x[0].reshape(batch, channels, n), *numbers)]


def lrn_numbers(node: ir.Node) -> list[Any]:
    """The numbers of `ek_lrn_f32` in C: batch, channels, elements of a channel, size, alpha / size, beta, bias."""
    batch, channels, *rest = dims(node.inputs[0])
    size, alpha, beta, bias = (
        attribute(node, name, default)
        for name, default in (("size", 0), ("alpha", 1e-4), ("beta", 0.75), ("bias", 1.0))
    )
    return [batch, channels, math.prod(rest), size, float(alpha / size), beta, bias]


def ek_lrn_f32(x: F32, size: int, factor: float, beta: float, bias: float) -> F32:
    """Return ``x / (bias + factor * s)^beta``, s the sum of squares of `size` channels, x ``(batch, channels, n)``."""
    s, channels = np.zeros_like(x), x.shape[1]
    with np.errstate(all="ignore"):
        for c in range(channels):
            for row in range(max(0, c - (size - 1) // 2), min(channels, c + size // 2 + 1)):
                s[:, c] += x[:, row] * x[:, row]
        y: F32 = x / ek_pow_f32(
            np.float32(bias) + np.float32(factor) * s, np.array(beta, np.float32)
        )
    return y


OPERATORS: dict[tuple[str, str], Operator] = {
    ("", "LayerNormalization"): layernorm,
    ("", "InstanceNormalization"): instancenorm,
    ("", "BatchNormalization"): batchnorm,
    ("", "LRN"): lrn,
}
