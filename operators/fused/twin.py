"""Operators with precise internals: NumPy twins of the C kernels (see `fixed_point`).

Inside they are 64-bit integers; bounds and errors are stated at the kernels in ``edgekit.h``. `limits` of a result are
y_zero, y_min and y_max.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

from edgekit.operators.fixed_point import I64, S16, S32, Ints, clamp, output, requantize64

U64 = npt.NDArray[np.uint64]

LAYERNORM_MOST = 1 << 14  # elements of a row: d, and d times a mantissa, fit 62 bits
SOFTMAX_MOST = 1 << 14
MEAN_SQUARE_MOST = 1 << 17
FRACTION_BITS = 20  # of a normalized value, and of a logarithm


def isqrt64(v: U64) -> I64:
    """Return the largest r with ``r * r <= v``."""
    v = np.asarray(v, np.uint64)
    root = np.minimum(np.sqrt(v.astype(np.float64)), 2.0**32 - 1).astype(np.uint64)
    root -= (root * root > v).astype(np.uint64)
    above = root + np.uint64(1)
    fits = (above < np.uint64(1 << 32)) & (above * above <= v)
    return (root + fits.astype(np.uint64)).astype(np.int64)


def inverse_root64(v: U64) -> tuple[I64, I64]:
    """Return mantissa and up of ``1 / sqrt(v) ~ mantissa * 2^(up - 62)``; mantissa 0 for v = 0."""
    v, up = np.array(v, np.uint64), np.zeros(np.shape(v), np.int64)
    for _ in range(31):
        small = (v < np.uint64(1 << 62)) & (v > 0)
        v, up = np.where(small, v << np.uint64(2), v), up + small
    root = np.maximum(isqrt64(v), 1)
    return np.where(v > 0, (1 << 62) // root, 0), up


@cache
def exp2_table() -> S32:
    """Return the 257 entries ``2^(30 - i / 256)`` of `exp2_q30`."""
    table = np.rint(2.0 ** (30 - np.arange(257) / 256)).astype(np.int32)
    table.setflags(write=False)
    return table


def exp2_q30(table: S32, u: I64) -> I64:
    """Return ``2^(30 - u * 2^-20)``, interpolated."""
    entries = table.astype(np.int64)
    i, down = (u >> 12) & 255, np.minimum(u >> 20, 31)
    v = entries[i] - (((entries[i] - entries[i + 1]) * (u & 4095) + 2048) >> 12)
    return np.where(down > 30, 0, (v + ((np.int64(1) << down) >> 1)) >> down)


def ek_magnitude(
    a: S16, m1: int, b: S16, m2: int, add: int, shift: int, *limits: int, to: npt.DTypeLike
) -> Ints:
    """Return ``sqrt((a^2 * m1 + b^2 * m2 + add) * 2^-shift)``, rounded half up, plus y_zero."""
    root = isqrt64((_product(a, a) * m1 + _product(b, b) * m2 + add).astype(np.uint64))
    half = shift // 2
    y_zero, low, high = limits
    return clamp(((root + (1 << (half - 1))) >> half) + y_zero, low, high).astype(to)


def ek_product_sum(
    a: S16, b: S16, m1: int, c: S16, d: S16, m2: int, shift: int, *limits: int, to: npt.DTypeLike
) -> Ints:
    """Return ``requantize(a * b * m1 + c * d * m2)``: one shift, one rounding."""
    total = _product(a, b) * m1 + _product(c, d) * m2
    return output(total, 1, shift, *limits).astype(to)


def ek_mean_square(x: S16, mult: int, shift: int, *limits: int, to: npt.DTypeLike) -> Ints:
    """Return the requantized sum of squares over the middle axis of x ``(outer, n, inner)``."""
    return output(_product(x, x).sum(1), mult, shift, *limits).astype(to)


def ek_layernorm(
    x: S16,
    gain: Ints,
    bias: Ints,
    bias_up: int,
    epsilon: int,
    shift: int,
    *limits: int,
    to: npt.DTypeLike,
) -> Ints:
    """Return the normalized rows of x ``(rows, n)`` times `gain` plus ``bias * 2^bias_up``, both ``(n,)``."""
    n, wide = x.shape[-1], x.astype(np.int64)
    total = wide.sum(axis=-1, keepdims=True)
    v = n * (wide * wide).sum(axis=-1, keepdims=True) - total * total + epsilon
    mantissa, up = inverse_root64(v.astype(np.uint64))
    z = requantize64(n * wide - total, mantissa, 62 - FRACTION_BITS - up)
    y: I64 = z * gain + (bias.astype(np.int64) << bias_up)
    return output(y, 1, shift, *limits).astype(to)


def ek_instancenorm(x: S16, gain: Ints, bias: Ints, *numbers: int, to: npt.DTypeLike) -> Ints:
    """Return the normalized channels of x ``(batch, channels, n)``; gain and bias ``(channels,)``."""
    return ek_layernorm(x, gain[:, None], bias[:, None], *numbers, to=to)


def ek_softmax(
    x: S16, m: int, s: int, exp2: S32, mult: int, shift: int, *limits: int, to: npt.DTypeLike
) -> Ints:
    """Return the softmax of the rows of x ``(rows, n)``."""
    wide = x.astype(np.int64)
    e = exp2_q30(exp2, requantize64(wide.max(axis=-1, keepdims=True) - wide, m, s))
    part: I64 = (e * ((1 << 62) // e.sum(axis=-1, keepdims=True))) >> 31
    return output(part, mult, shift, *limits).astype(to)


def _product(a: S16, b: S16) -> I64:
    return a.astype(np.int64) * b
