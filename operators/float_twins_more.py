"""Further float functions of edgekit.h: NumPy twins, equal to their last bit.

They follow ``ek_...f1`` of ``edgekit.h`` step by step in float32; errors and borders are documented
there. The polynomials are those of the Cephes library.
"""

import numpy as np

from edgekit.operators.fixed_point import F32
from edgekit.operators.pointwise.twin import (
    ROUNDER,
    ek_exp_f32,
    ek_log_f32,
    ek_sqrt_f32,
    horner,
    quiet,
)

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
