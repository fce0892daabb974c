"""Sums, products and slopes on integers: NumPy twins of the C kernels (see `fixed_point`).

`limits` of a result are y_zero, y_min and y_max.
"""

import numpy as np
import numpy.typing as npt

from edgekit.operators.fixed_point import Ints, output, requantize64, saturate, subtract_zero_point


def ek_add(
    a: Ints,
    a_zero: int,
    m1: int,
    b: Ints,
    b_zero: int,
    m2: int,
    shift: int,
    *limits: int,
    to: npt.DTypeLike,
) -> Ints:
    """Return ``requantize((a - a_zero) * m1 + (b - b_zero) * m2)``: one shift, one rounding."""
    total = subtract_zero_point(a, a_zero) * m1 + subtract_zero_point(b, b_zero) * m2
    return output(total, 1, shift, *limits).astype(to)


def ek_mul(
    a: Ints, a_zero: int, b: Ints, b_zero: int, m: int, shift: int, *limits: int, to: npt.DTypeLike
) -> Ints:
    """Return ``requantize((a - a_zero) * (b - b_zero))``: one rounding; int16 operands have both zeros 0."""
    product = subtract_zero_point(a, a_zero) * subtract_zero_point(b, b_zero)
    return output(product, m, shift, *limits).astype(to)


def ek_prelu(
    x: Ints, x_zero: int, m_pos: int, m_neg: Ints, shift: int, y_zero: int, *, to: npt.DTypeLike
) -> Ints:
    """Scale x ``(channels, ...)`` by `m_pos` from x_zero up, below it by the channel's `m_neg`."""
    d = subtract_zero_point(x, x_zero)
    slope = np.asarray(m_neg, dtype=np.int64).reshape(-1, *[1] * (x.ndim - 1))
    return saturate(requantize64(d, np.where(d >= 0, m_pos, slope), shift) + y_zero, to)
