"""Normalizations with statistics of their own (layer, instance) or given ones (batch)."""

import numpy as np
import onnx_ir as ir

from edgekit.operators.fixed_point import F32
from edgekit.operators.float_sums import ordered_sum
from edgekit.operators.operator import Array, Operator
from edgekit.operators.pointwise import twin as pointwise_twin
from edgekit.operators.pointwise.twin import ek_sqrt_f32


def _epsilon(node: ir.Node) -> float:
    epsilon = node.attributes.get("epsilon")
    return 1e-5 if epsilon is None else epsilon.as_float()


def layernorm(node: ir.Node, x: list[Array]) -> list[Array]:
    """Over the last axes: the result, the means and the inverse deviations."""
    n, bias = x[1].size, x[2].ravel() if len(x) > 2 and x[2] is not None else None
    rows = x[0].reshape(-1, n)
    y = ek_layernorm_f32(rows, x[1].ravel(), bias, _epsilon(node))
    return [y, *row_statistics(rows, _epsilon(node))]


def instancenorm(node: ir.Node, x: list[Array]) -> list[Array]:
    """Over each channel."""
    rows = x[0].reshape(*x[0].shape[:2], -1)
    return [ek_instancenorm_f32(rows, x[1], x[2], _epsilon(node))]


def batchnorm(node: ir.Node, x: list[Array]) -> list[Array]:
    """With given statistics."""
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


OPERATORS: dict[tuple[str, str], Operator] = {
    ("", "LayerNormalization"): layernorm,
    ("", "InstanceNormalization"): instancenorm,
    ("", "BatchNormalization"): batchnorm,
}
