"""Float kernels in one fixed order: NumPy twins of the C kernels, equal to their last bit.

The scalar functions follow ``ek_...f1`` of ``edgekit.h`` step by step in float32; errors and
borders are documented there. The polynomials of exp, log and tanh are those of the Cephes library.
"""

from collections.abc import Callable, Sequence
from functools import wraps

import numpy as np
import numpy.typing as npt

from edgekit.operators.fixed_point import F32
from edgekit.operators.geometry import ConvShape
from edgekit.operators.linear.twin import conv_taps, per_group, transpose_taps

U32 = npt.NDArray[np.uint32]

EXP = (
    1.9875691500e-4,
    1.3981999507e-3,
    8.3334519073e-3,
    4.1665795894e-2,
    1.6666665459e-1,
    5.0000001201e-1,
)
LOG = (7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
       -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1)  # fmt: skip
TANH = (-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1)
ERF_SMALL = (
    -5.96761703e-4,
    4.99119423e-3,
    -2.67681349e-2,
    1.12819925e-1,
    -3.76125336e-1,
    1.28379166e-1,
)
ERF_LARGE = (-1.72853470e-5, 3.83197126e-4, -3.88396438e-3, 2.42546219e-2, -1.06777877e-1,
             -6.34846687e-1, -1.28717512e-1)  # fmt: skip
ROUNDER = np.float32(12582912.0)  # 1.5 * 2^23: adding it leaves no room for a fraction
SMALLEST_NORMAL = np.float32(1.17549435e-38)
EXP_HIGH = np.float32(88.72283)
EXP_LOW = np.float32(-87.33654)
SQRT_HALF_BITS = 0x3F3504F3
ONE_MINUS_SQRT_HALF_BITS = 0x004AFB0D


def quiet(function: Callable[[F32], F32]) -> Callable[[F32], F32]:
    """Evaluate on float32, without warnings: both sides of a selection are computed, as in C."""

    @wraps(function)
    def call(x: F32) -> F32:
        with np.errstate(all="ignore"):
            return function(np.asarray(x, dtype=np.float32))

    return call


@quiet
def ek_exp_f32(x: F32) -> F32:
    """Return e^x; 0 below -87.33654, infinity above 88.72283."""
    below = np.where(x < EXP_HIGH, x, EXP_HIGH)
    c = np.where(below > EXP_LOW, below, EXP_LOW)
    n = (c * np.float32(1.44269504) + ROUNDER) - ROUNDER
    r = (c - n * np.float32(0.693359375)) - n * np.float32(-2.12194440e-4)
    e = n.astype(np.int32)
    half = e >> 1
    p = (horner(r, EXP) * (r * r) + r) + np.float32(1)
    p = p * _float_of((half + 127).astype(np.uint32) << np.uint32(23))
    p = p * _float_of((e - half + 127).astype(np.uint32) << np.uint32(23))
    p = np.where(x > EXP_HIGH, np.float32(np.inf), p)
    p = np.where(x < EXP_LOW, np.float32(0), p)
    return np.where(np.isnan(x), x, p)


@quiet
def ek_log_f32(x: F32) -> F32:
    """Return the natural logarithm; -infinity at 0, NaN below."""
    tiny = x < SMALLEST_NORMAL
    u = np.where(tiny, x * np.float32(8388608), x).view(np.uint32) + np.uint32(
        ONE_MINUS_SQRT_HALF_BITS
    )
    e = ((u >> np.uint32(23)).astype(np.int32) - np.where(tiny, 150, 127).astype(np.int32)).astype(
        np.float32
    )
    f = _float_of((u & np.uint32(0x007FFFFF)) + np.uint32(SQRT_HALF_BITS)) - np.float32(1)
    z = f * f
    p = horner(f, LOG) * f * z
    p = p + e * np.float32(-2.12194440e-4)
    p = p - np.float32(0.5) * z
    p = (f + p) + e * np.float32(0.693359375)
    p = np.where(x == np.inf, x, p)
    p = np.where(x == 0, np.float32(-np.inf), p)
    p = np.where(x < 0, np.float32(np.nan), p)
    return np.where(np.isnan(x), x, p)


@quiet
def ek_sqrt_f32(x: F32) -> F32:
    """Return the square root by three Newton steps."""
    tiny = x < SMALLEST_NORMAL
    a = np.where(tiny, x * np.float32(16777216), x)
    y = _float_of(np.uint32(0x1FBD1DF5) + (a.view(np.uint32) >> np.uint32(1)))
    for _ in range(3):
        y = (np.float32(0.5) * (y + a / y)).astype(np.float32)
    y = np.where(tiny, y * np.float32(2.44140625e-4), y)
    y = np.where((x == 0) | (x == np.inf), x, y)
    y = np.where(x < 0, np.float32(np.nan), y)
    return np.where(np.isnan(x), x, y)


@quiet
def ek_sigmoid_f32(x: F32) -> F32:
    """Return 1 / (1 + e^-x)."""
    return np.float32(1) / (np.float32(1) + ek_exp_f32(-x))


@quiet
def ek_tanh_f32(x: F32) -> F32:
    """Return the hyperbolic tangent."""
    a = np.where(x < 0, -x, x)
    s = np.float32(1) - np.float32(2) / (ek_exp_f32(np.float32(2) * a) + np.float32(1))
    z = x * x
    p = (horner(z, TANH) * z) * x + x
    return np.where(a < np.float32(0.625), p, np.where(x < 0, -s, s))


@quiet
def ek_erf_f32(x: F32) -> F32:
    """Return the error function."""
    a = np.where(x < 0, -x, x)
    t = np.where(a < np.float32(4), a, np.float32(4))
    q = np.float32(1) - ek_exp_f32(horner(t, ERF_LARGE) * t - t)
    p = horner(x * x, ERF_SMALL) * x + x
    p = np.where(a < np.float32(0.927734375), p, np.where(x < 0, -q, q))
    return np.where(np.isnan(x), x, p)


def ek_finite_f32(x: F32, limit: float) -> F32:
    """Return x where ``|x| <= limit``, else 0."""
    return np.where(np.abs(x) <= np.float32(limit), x, np.float32(0))


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


def ek_softmax_f32(x: F32) -> F32:
    """Return the softmax over the last axis."""
    with np.errstate(all="ignore"):
        e = ek_exp_f32(x - x.max(axis=-1, keepdims=True))
        return e / ordered_sum(e)


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


def accumulate(start: F32, x: F32, w: F32) -> F32:
    """Return ``start + x @ w`` summed in ascending k.

    start ``(n,)``, x ``(..., k)``, w ``(k, n)``.
    """
    y = np.broadcast_to(start, (*x.shape[:-1], w.shape[1])).astype(np.float32)
    with np.errstate(all="ignore"):
        for i in range(w.shape[0]):
            y += x[..., i, None] * w[i]
    return y


def ek_fc_f32(x: F32, w: F32, bias: F32 | None) -> F32:
    """Return ``bias + x @ w``; x ``(..., k)``, w ``(k, n)``."""
    return accumulate(np.zeros(w.shape[1], np.float32) if bias is None else bias, x, w)


def ek_matmul_f32(a: F32, b: F32) -> F32:
    """Return ``a @ b``; a ``(m, k)``, b ``(k, n)``."""
    return ek_fc_f32(a, b, None)


def ek_conv_f32(x: F32, w: F32, bias: F32 | None, shape: ConvShape, relu: int = 0) -> F32:
    """Return the convolution; per output: bias, then taps in order (channel, row, column).

    x ``(in_c, in_h, in_w)``, w ``(out_c, in_c / groups, k_h, k_w)``; where `relu` is not 0, 0 for sums not above it.
    """
    s = shape
    ci, co = per_group(s)
    xg = x.reshape(s.groups, ci, 1, s.in_h, s.in_w)
    wg = w.reshape(s.groups, co, ci, s.k_h, s.k_w, 1, 1)
    acc = _start(bias, s)
    with np.errstate(all="ignore"):
        for c in range(ci):
            for ky, kx, (iy, oy), (ix, ox) in conv_taps(s):
                acc[:, :, oy, ox] += wg[:, :, c, ky, kx] * xg[:, c, :, iy, ix]
    y = acc.reshape(s.out_c, s.out_h, s.out_w)
    return np.where(y > 0, y, np.float32(0)) if relu else y


def ek_conv_transpose_f32(x: F32, w: F32, bias: F32 | None, shape: ConvShape) -> F32:
    """Return the transposed convolution of x with w ``(in_c, out_c / groups, k_h, k_w)``."""
    s = shape
    ci, co = per_group(s)
    xg = x.reshape(s.groups, ci, 1, s.in_h, s.in_w)
    wg = w.reshape(s.groups, ci, co, s.k_h, s.k_w, 1, 1)
    acc = _start(bias, s)
    with np.errstate(all="ignore"):
        for c in range(ci):
            for ky, kx, (iy, oy), (ix, ox) in transpose_taps(s):
                acc[:, :, oy, ox] += wg[:, c, :, ky, kx] * xg[:, c, :, iy, ix]
    return acc.reshape(s.out_c, s.out_h, s.out_w)


def _start(bias: F32 | None, s: ConvShape) -> F32:
    start = np.zeros(s.out_c, np.float32) if bias is None else bias
    rows = np.repeat(start, s.out_h * s.out_w).astype(np.float32)
    return rows.reshape(s.groups, s.out_c // s.groups, s.out_h, s.out_w)


def horner(x: F32, coefficients: Sequence[float]) -> F32:
    """Evaluate a polynomial in float32, the highest power's coefficient first."""
    p = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        p = p * x + np.float32(coefficient)
    return p


def _float_of(bits: U32) -> F32:
    return bits.view(np.float32)


def ordered_sum(x: F32) -> F32:
    """Sum over the last axis from left to right, keeping the axis."""
    with np.errstate(all="ignore"):
        return np.add.accumulate(x, axis=-1, dtype=np.float32)[..., -1:]
