"""Conversions between float and integers, and between integer types: NumPy twins of the C kernels.

See `fixed_point`.
"""

import numpy as np
import numpy.typing as npt

from edgekit.operators.fixed_point import F32, Ints, output, saturate, subtract_zero_point

ROUND_LIMIT = 131072.0  # beyond it a quantized float saturates whatever the zero point


def ek_fake_quantize_f32(x: F32, grid: F32) -> F32:
    """Return x rounded to a grid ``(scale, low, high)``; with a scale of 0 x is unchanged."""
    scale, low, high = grid
    if not scale > 0:
        return x
    with np.errstate(over="ignore"):
        v = x / scale
    v = np.where(np.isnan(v), np.float32(0), v)
    whole = np.rint(np.clip(v, low, high)) + np.float32(0)  # no -0
    return np.asarray(whole * scale, np.float32)


def ek_requantize(
    x: Ints,
    x_zero: int,
    mult: int,
    shift: int,
    y_zero: int,
    y_min: int,
    y_max: int,
    *,
    to: npt.DTypeLike,
) -> Ints:
    """Return ``clamp(y_zero + requantize(x - x_zero))``."""
    return output(subtract_zero_point(x, x_zero), mult, shift, y_zero, y_min, y_max).astype(to)


def ek_quantize(x: F32, scale: float, zero: int, *, to: npt.DTypeLike) -> Ints:
    """Return ``saturate(round_half_even(x / scale) + zero)``; NaN becomes zero."""
    limit = ROUND_LIMIT if np.dtype(to).itemsize < 4 else 2.0**32
    with np.errstate(all="ignore"):
        v = np.asarray(x, dtype=np.float32) / np.float32(scale)
    v = np.where(np.isnan(v), np.float32(0), v)
    return saturate(np.rint(np.clip(v, -limit, limit)).astype(np.int64) + zero, to)


def ek_dequantize(x: Ints, scale: float, zero: int) -> F32:
    """Return ``(float32)(x - zero) * scale``, in float32."""
    return subtract_zero_point(x, zero).astype(np.float32) * np.float32(scale)
