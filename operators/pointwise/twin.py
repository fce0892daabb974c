"""Float kernels in one fixed order: NumPy twins of the C kernels, equal to their last bit.

The scalar functions follow ``ek_...f1`` of ``edgekit.h`` step by step in float32; errors and
borders are documented there. The polynomials of exp, log and tanh are those of the Cephes library.
"""

from collections.abc import Callable, Sequence
from functools import wraps

import numpy as np
import numpy.typing as npt

from edgekit.operators.fixed_point import F32

U32 = npt.NDArray[np.uint32]
EXP = (
    1.9875691500e-4,
    1.3981999507e-3,
    8.3334519073e-3,
    4.1665795894e-2,
    1.6666665459e-1,
    5.0000001201e-1,
)
LOG = (
    7.0376836292e-2,
    -1.1514610310e-1,
    1.1676998740e-1,
    -1.2420140846e-1,
    1.4249322787e-1,
    -1.6668057665e-1,
    2.0000714765e-1,
    -2.4999993993e-1,
    3.3333331174e-1,
)
TANH = (-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1)
ERF_SMALL = (
    -5.96761703e-4,
    4.99119423e-3,
    -2.67681349e-2,
    1.12819925e-1,
    -3.76125336e-1,
    1.28379166e-1,
)
ERF_LARGE = (
    -1.72853470e-5,
    3.83197126e-4,
    -3.88396438e-3,
    2.42546219e-2,
    -1.06777877e-1,
    -6.34846687e-1,
    -1.28717512e-1,
)
ROUNDER = np.float32(12582912.0)  # 1.5 * 2^23: adding it leaves no room for a fraction
SMALLEST_NORMAL = np.float32(1.17549435e-38)
EXP_HIGH = np.float32(88.72283)
EXP_LOW = np.float32(-87.33654)
SQRT_HALF_BITS = 0x3F3504F3
ONE_MINUS_SQRT_HALF_BITS = 0x004AFB0D
SIN = (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
COS = (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)
ASIN = (4.2163199048e-2, 2.4181311049e-2, 4.5470025998e-2, 7.4953002686e-2, 1.6666752422e-1)
ATAN = (8.05374449538e-2, -1.38776856032e-1, 1.99777106478e-1, -3.33329491539e-1)
SINH = (2.03721912945e-4, 8.33028376239e-3, 1.66667160211e-1)
ASINH = (2.0122003309e-2, -4.2699340972e-2, 7.4847586088e-2, -1.6666288134e-1)
ACOSH = (1.7596881071e-3, -7.5272886713e-3, 2.6454905019e-2, -1.1784741703e-1, 1.4142135263)
ATANH = (1.81740078349e-1, 8.24370301058e-2, 1.46691431730e-1, 1.99782164500e-1, 3.33337300303e-1)
PARTS_OF_HALF_PI = (1.5703125, 4.837512969970703125e-4, 7.54978995489188216e-8)
SINE_LIMIT = np.float32(1e5)
HALF, ONE, TWO = np.float32(0.5), np.float32(1), np.float32(2)
LN2, HALF_PI = np.float32(0.693147181), np.float32(1.57079633)


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


def horner(x: F32, coefficients: Sequence[float]) -> F32:
    """Evaluate a polynomial in float32, the highest power's coefficient first."""
    p = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        p = p * x + np.float32(coefficient)
    return p


def _float_of(bits: U32) -> F32:
    return bits.view(np.float32)


def ek_pow_f32(x: F32, y: F32) -> F32:
    """Return x^y with the sign rules of C."""
    with np.errstate(all="ignore"):
        b = np.abs(y)
        p = ek_exp_f32(y * ek_log_f32(np.abs(x)))
        odd = np.where(b - np.floor(b * HALF) * TWO == 1, -p, p)
        whole = np.where(np.floor(b) == b, odd, np.float32(np.nan))
        return np.where((y == 0) | (x == 1), ONE, np.where(x < 0, whole, p))


@quiet
def ek_sin_f32(x: F32) -> F32:
    """Return the sine; NaN where ``|x| >= 1e5``."""
    return _sincos(x, 0)


@quiet
def ek_cos_f32(x: F32) -> F32:
    """Return the cosine; NaN where ``|x| >= 1e5``."""
    return _sincos(x, 1)


def _sincos(x: F32, turn: int) -> F32:
    inside = (x > -SINE_LIMIT) & (x < SINE_LIMIT)
    r = np.where(inside, x, np.float32(0))
    n = (r * np.float32(0.636619772) + ROUNDER) - ROUNDER
    for part in PARTS_OF_HALF_PI:
        r = r - n * np.float32(part)
    q, z = n.astype(np.int32) + turn, r * r
    s = (horner(z, SIN) * z) * r + r
    t = ((horner(z, COS) * z) * z - HALF * z) + ONE
    y = np.where(q & 1, t, s)
    return np.where(inside, np.where(q & 2, -y, y), np.float32(np.nan))


@quiet
def ek_asin_f32(x: F32) -> F32:
    """Return the arc sine."""
    a = np.abs(x)
    far = a > HALF
    z = np.where(far, HALF * (ONE - a), a * a)
    r = np.where(far, ek_sqrt_f32(z), a)
    p = (horner(z, ASIN) * z) * r + r
    p = np.where(far, HALF_PI - TWO * p, p)
    return np.where(x < 0, -p, p)


@quiet
def ek_acos_f32(x: F32) -> F32:
    """Return the arc cosine."""
    a = np.abs(x)
    near_one = TWO * ek_asin_f32(ek_sqrt_f32(HALF * (ONE - a)))
    outer = np.where(x < 0, np.float32(3.14159265) - near_one, near_one)
    return np.where(a > HALF, outer, HALF_PI - ek_asin_f32(x))


@quiet
def ek_atan_f32(x: F32) -> F32:
    """Return the arc tangent."""
    a = np.abs(x)
    far, middle = a > np.float32(2.41421356), a > np.float32(0.414213562)
    r = np.where(far, np.float32(-1) / a, (a - ONE) / (a + ONE))
    r = np.where(middle, r, a)
    start = np.where(far, HALF_PI, np.where(middle, np.float32(0.785398163), np.float32(0)))
    z = r * r
    y: F32 = start + ((horner(z, ATAN) * z) * r + r)
    return np.where(x < 0, -y, y)


@quiet
def ek_sinh_f32(x: F32) -> F32:
    """Return the hyperbolic sine."""
    a, z = np.abs(x), x * x
    e = ek_exp_f32(HALF * a)
    large = (HALF * e) * e - HALF / (e * e)
    p = (horner(z, SINH) * z) * x + x
    return np.where(a > 1, np.where(x < 0, -large, large), p)


@quiet
def ek_cosh_f32(x: F32) -> F32:
    """Return the hyperbolic cosine."""
    e = ek_exp_f32(HALF * np.abs(x))
    y: F32 = (HALF * e) * e + HALF / (e * e)
    return y


@quiet
def ek_asinh_f32(x: F32) -> F32:
    """Return the inverse hyperbolic sine."""
    a, z = np.abs(x), x * x
    near = ek_log_f32(a + ek_sqrt_f32(z + ONE))
    large = np.where(a > np.float32(1500), ek_log_f32(a) + LN2, near)
    p = (horner(z, ASINH) * z) * x + x
    return np.where(a < HALF, p, np.where(x < 0, -large, large))


@quiet
def ek_acosh_f32(x: F32) -> F32:
    """Return the inverse hyperbolic cosine."""
    z = x - ONE
    near = ek_log_f32(x + ek_sqrt_f32(z * (x + ONE)))
    far = np.where(x > np.float32(1500), ek_log_f32(x) + LN2, near)
    return np.where(z < HALF, horner(z, ACOSH) * ek_sqrt_f32(z), far)


@quiet
def ek_atanh_f32(x: F32) -> F32:
    """Return the inverse hyperbolic tangent."""
    z = x * x
    p = (horner(z, ATANH) * z) * x + x
    return np.where(np.abs(x) < HALF, p, HALF * ek_log_f32((ONE + x) / (ONE - x)))
