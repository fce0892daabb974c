"""Sums, products and slopes of integers: NumPy twins of the C kernels (see `fixed_point`)."""

import numpy as np

from edgekit.operators.fixed_point import (
    I64,
    S8,
    S16,
    Ints,
    centred,
    output,
    requantize64,
    saturate_s8,
    saturate_s16,
)


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
    total = centred(a, a_zero) * m1 + centred(b, b_zero) * m2
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
    total = centred(a, a_zero) * m1 + centred(b, b_zero) * m2
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
    total = centred(a, a_zero) * m1 + centred(b, b_zero) * m2
    return output(total, 1, shift, y_zero, y_min, y_max).astype(np.int8)


def ek_mul_s8(
    a: S8, a_zero: int, b: S8, b_zero: int, m: int, shift: int, y_zero: int, y_min: int, y_max: int
) -> S8:
    """Return ``requantize((a - a_zero) * (b - b_zero))``: one rounding."""
    product = centred(a, a_zero) * centred(b, b_zero)
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
    product = centred(a, a_zero) * centred(b, b_zero)
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
    product = centred(a, a_zero) * centred(b, b_zero)
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


def _prelu(x: Ints, x_zero: int, m_pos: int, m_neg: Ints, shift: int) -> I64:
    d = centred(x, x_zero)
    slope = np.asarray(m_neg, dtype=np.int64).reshape(-1, *[1] * (x.ndim - 1))
    return requantize64(d, np.where(d >= 0, m_pos, slope), shift)
