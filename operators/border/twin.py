"""Between float and integers, and between integer types: NumPy twins of the C kernels (see `fixed_point`)."""

import numpy as np

from edgekit.operators.fixed_point import (
    F32,
    I64,
    S8,
    S16,
    S32,
    centred,
    output,
    saturate_s8,
    saturate_s16,
    saturate_s32,
)

ROUND_LIMIT = 131072.0  # beyond it a quantized float saturates whatever the zero point


def ek_fake_quantize_f32(x: F32, grid: F32) -> F32:
    """Return x rounded to a grid ``(scale, low, high)``; a scale of 0 is no grid."""
    scale, low, high = grid
    if not scale > 0:
        return x
    with np.errstate(over="ignore"):
        v = x / scale
    v = np.where(np.isnan(v), np.float32(0), v)
    whole = np.rint(np.clip(v, low, high)) + np.float32(0)  # no -0
    return np.asarray(whole * scale, np.float32)


def ek_requantize_s8_s8(
    x: S8, x_zero: int, mult: int, shift: int, y_zero: int, y_min: int, y_max: int
) -> S8:
    """Return ``clamp(y_zero + requantize(x - x_zero))``."""
    return output(centred(x, x_zero), mult, shift, y_zero, y_min, y_max).astype(np.int8)


def ek_requantize_s8_s16(
    x: S8, x_zero: int, mult: int, shift: int, y_zero: int, y_min: int, y_max: int
) -> S16:
    """Return ``clamp(y_zero + requantize(x - x_zero))``."""
    return output(centred(x, x_zero), mult, shift, y_zero, y_min, y_max).astype(np.int16)


def ek_requantize_s16_s8(
    x: S16, x_zero: int, mult: int, shift: int, y_zero: int, y_min: int, y_max: int
) -> S8:
    """Return ``clamp(y_zero + requantize(x - x_zero))``."""
    return output(centred(x, x_zero), mult, shift, y_zero, y_min, y_max).astype(np.int8)


def ek_requantize_s16_s16(
    x: S16, x_zero: int, mult: int, shift: int, y_zero: int, y_min: int, y_max: int
) -> S16:
    """Return ``clamp(y_zero + requantize(x - x_zero))``."""
    return output(centred(x, x_zero), mult, shift, y_zero, y_min, y_max).astype(np.int16)


def ek_quantize_s8(x: F32, scale: float, zero: int) -> S8:
    """Return ``saturate(round_half_even(x / scale) + zero)``; NaN gives zero."""
    return saturate_s8(_round(x, scale) + zero)


def ek_quantize_s16(x: F32, scale: float, zero: int) -> S16:
    """Return ``saturate(round_half_even(x / scale) + zero)``; NaN gives zero."""
    return saturate_s16(_round(x, scale) + zero)


def ek_quantize_s32(x: F32, scale: float, zero: int) -> S32:
    """Return ``saturate(round_half_even(x / scale) + zero)``; NaN gives zero."""
    return saturate_s32(_round(x, scale, 2.0**32) + zero)


def ek_dequantize_s8(x: S8, scale: float, zero: int) -> F32:
    """Return ``(float32)(x - zero) * scale``, in float32."""
    return centred(x, zero).astype(np.float32) * np.float32(scale)


def ek_dequantize_s16(x: S16, scale: float, zero: int) -> F32:
    """Return ``(float32)(x - zero) * scale``, in float32."""
    return centred(x, zero).astype(np.float32) * np.float32(scale)


def ek_dequantize_s32(x: S32, scale: float, zero: int) -> F32:
    """Return ``(float32)(x - zero) * scale``, in float32."""
    return centred(x, zero).astype(np.float32) * np.float32(scale)


def _round(x: F32, scale: float, limit: float = ROUND_LIMIT) -> I64:
    with np.errstate(all="ignore"):
        v = np.asarray(x, dtype=np.float32) / np.float32(scale)
    v = np.where(np.isnan(v), np.float32(0), v)
    rounded: I64 = np.rint(np.clip(v, -limit, limit)).astype(np.int64)
    return rounded
