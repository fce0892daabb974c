"""Integer arithmetic of the scheme, element by element: NumPy twins of the C kernels, bit for bit.

A twin has the name of its kernel and the same arguments in the same order, less the sizes that
array shapes already say; what C writes through a pointer is returned. ``edgekit.h`` documents the
ranges. Operands of one element broadcast.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.signedinteger[Any]]
Shifts = npt.NDArray[np.integer[Any]] | int
S8 = npt.NDArray[np.int8]
S16 = npt.NDArray[np.int16]
F32 = npt.NDArray[np.float32]
S32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

ROUND_LIMIT = 131072.0  # beyond it a quantized float saturates whatever the zero point


def requantize64(acc: Ints, m: Ints | int, s: Shifts) -> I64:
    """Return ``(acc * m + 2**(s-1)) >> s`` in 64 bits: one rounding, half up."""
    shift = np.asarray(s, dtype=np.int64)
    product = np.asarray(acc, dtype=np.int64) * np.asarray(m, dtype=np.int64)
    result: I64 = (product + (np.int64(1) << (shift - 1))) >> shift
    return result


def clamp(value: Ints, low: int, high: int) -> I64:
    """Return the values limited to ``[low, high]``; `numpy.clip` takes several times as long on few values."""
    result: I64 = np.minimum(np.maximum(value, low), high)
    return result


def output(acc: Ints, m: Ints | int, s: Shifts, y_zero: int, y_min: int, y_max: int) -> I64:
    """Return ``y_zero`` plus the requantized `acc`, clamped to ``[y_min, y_max]``."""
    return clamp(requantize64(acc, m, s) + y_zero, y_min, y_max)


def saturate_s8(value: Ints) -> S8:
    """Clamp to int8."""
    return clamp(value, -128, 127).astype(np.int8)


def saturate_s16(value: Ints) -> S16:
    """Clamp to int16."""
    return clamp(value, -32768, 32767).astype(np.int16)


def saturate_s32(value: Ints) -> S32:
    """Clamp to int32."""
    return np.clip(value, -(2**31), 2**31 - 1).astype(np.int32)


def ek_requantize_s8_s8(
    x: S8, x_zero: int, mult: int, shift: int, y_zero: int, y_min: int, y_max: int
) -> S8:
    """Return ``clamp(y_zero + requantize(x - x_zero))``."""
    return output(_centred(x, x_zero), mult, shift, y_zero, y_min, y_max).astype(np.int8)


def ek_requantize_s8_s16(
    x: S8, x_zero: int, mult: int, shift: int, y_zero: int, y_min: int, y_max: int
) -> S16:
    """Return ``clamp(y_zero + requantize(x - x_zero))``."""
    return output(_centred(x, x_zero), mult, shift, y_zero, y_min, y_max).astype(np.int16)


def ek_requantize_s16_s8(
    x: S16, x_zero: int, mult: int, shift: int, y_zero: int, y_min: int, y_max: int
) -> S8:
    """Return ``clamp(y_zero + requantize(x - x_zero))``."""
    return output(_centred(x, x_zero), mult, shift, y_zero, y_min, y_max).astype(np.int8)


def ek_requantize_s16_s16(
    x: S16, x_zero: int, mult: int, shift: int, y_zero: int, y_min: int, y_max: int
) -> S16:
    """Return ``clamp(y_zero + requantize(x - x_zero))``."""
    return output(_centred(x, x_zero), mult, shift, y_zero, y_min, y_max).astype(np.int16)


def ek_add_s8(
    a: S8,
    a_zero: int,
    m1: int,
    b: S8,
    b_zero: int,
    m2: int,
    shift: int,
    y_zero: int,
    y_min: int,
    y_max: int,
) -> S8:
    """Return ``requantize((a - a_zero) * m1 + (b - b_zero) * m2)``: one shift, one rounding."""
    total = _centred(a, a_zero) * m1 + _centred(b, b_zero) * m2
    return output(total, 1, shift, y_zero, y_min, y_max).astype(np.int8)


def ek_add_s16(
    a: S16,
    a_zero: int,
    m1: int,
    b: S16,
    b_zero: int,
    m2: int,
    shift: int,
    y_zero: int,
    y_min: int,
    y_max: int,
) -> S16:
    """As `ek_add_s8`, on int16."""
    total = _centred(a, a_zero) * m1 + _centred(b, b_zero) * m2
    return output(total, 1, shift, y_zero, y_min, y_max).astype(np.int16)


def ek_add_s16_s8(
    a: S16,
    a_zero: int,
    m1: int,
    b: S16,
    b_zero: int,
    m2: int,
    shift: int,
    y_zero: int,
    y_min: int,
    y_max: int,
) -> S8:
    """As `ek_add_s8`, from int16."""
    total = _centred(a, a_zero) * m1 + _centred(b, b_zero) * m2
    return output(total, 1, shift, y_zero, y_min, y_max).astype(np.int8)


def ek_mul_s8(
    a: S8, a_zero: int, b: S8, b_zero: int, m: int, shift: int, y_zero: int, y_min: int, y_max: int
) -> S8:
    """Return ``requantize((a - a_zero) * (b - b_zero))``: one rounding."""
    product = _centred(a, a_zero) * _centred(b, b_zero)
    return output(product, m, shift, y_zero, y_min, y_max).astype(np.int8)


def ek_mul_s16(
    a: S16,
    a_zero: int,
    b: S16,
    b_zero: int,
    m: int,
    shift: int,
    y_zero: int,
    y_min: int,
    y_max: int,
) -> S16:
    """As `ek_mul_s8`, on int16 with both zeros 0."""
    product = _centred(a, a_zero) * _centred(b, b_zero)
    return output(product, m, shift, y_zero, y_min, y_max).astype(np.int16)


def ek_mul_s16_s8(
    a: S16,
    a_zero: int,
    b: S16,
    b_zero: int,
    m: int,
    shift: int,
    y_zero: int,
    y_min: int,
    y_max: int,
) -> S8:
    """As `ek_mul_s16`, to int8."""
    product = _centred(a, a_zero) * _centred(b, b_zero)
    return output(product, m, shift, y_zero, y_min, y_max).astype(np.int8)


def ek_prelu_s8(x: S8, x_zero: int, m_pos: int, m_neg: Ints, shift: int, y_zero: int) -> S8:
    """Scale x ``(channels, ...)`` by `m_pos` from x_zero up, below it by the channel's `m_neg`."""
    return saturate_s8(_prelu(x, x_zero, m_pos, m_neg, shift) + y_zero)


def ek_prelu_s16(x: S16, x_zero: int, m_pos: int, m_neg: Ints, shift: int, y_zero: int) -> S16:
    """As `ek_prelu_s8`, on int16."""
    return saturate_s16(_prelu(x, x_zero, m_pos, m_neg, shift) + y_zero)


def ek_prelu_s16_s8(x: S16, x_zero: int, m_pos: int, m_neg: Ints, shift: int, y_zero: int) -> S8:
    """As `ek_prelu_s8`, from int16."""
    return saturate_s8(_prelu(x, x_zero, m_pos, m_neg, shift) + y_zero)


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
    return _centred(x, zero).astype(np.float32) * np.float32(scale)


def ek_dequantize_s16(x: S16, scale: float, zero: int) -> F32:
    """Return ``(float32)(x - zero) * scale``, in float32."""
    return _centred(x, zero).astype(np.float32) * np.float32(scale)


def ek_dequantize_s32(x: S32, scale: float, zero: int) -> F32:
    """Return ``(float32)(x - zero) * scale``, in float32."""
    return _centred(x, zero).astype(np.float32) * np.float32(scale)


def _prelu(x: Ints, x_zero: int, m_pos: int, m_neg: Ints, shift: int) -> I64:
    d = _centred(x, x_zero)
    slope = np.asarray(m_neg, dtype=np.int64).reshape(-1, *[1] * (x.ndim - 1))
    return requantize64(d, np.where(d >= 0, m_pos, slope), shift)


def _centred(x: Ints, zero: int) -> I64:
    return x.astype(np.int64) - zero


def _round(x: F32, scale: float, limit: float = ROUND_LIMIT) -> I64:
    with np.errstate(all="ignore"):
        v = np.asarray(x, dtype=np.float32) / np.float32(scale)
    v = np.where(np.isnan(v), np.float32(0), v)
    rounded: I64 = np.rint(np.clip(v, -limit, limit)).astype(np.int64)
    return rounded
