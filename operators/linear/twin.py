"""Matrix products: NumPy twins of the C kernels (see `fixed_point`).

Integer sums run as float64 matrix products: exact, because every partial sum is an integer below 2**53.
"""

import numpy as np
import numpy.typing as npt

from edgekit.operators.fixed_point import F32, I64, S8, Ints, Shifts, output
from edgekit.operators.float_sums import accumulate

F64 = npt.NDArray[np.float64]


def ek_fc(
    x: Ints,
    w: S8,
    bias: Ints,
    mult: Ints,
    shift: Shifts,
    y_zero: int,
    y_min: int,
    y_max: int,
    *,
    to: npt.DTypeLike,
) -> Ints:
    """Return ``clamp(y_zero + requantize(x @ w.T + bias))``.

    x ``(..., k)``, w ``(n, k)``, y ``(..., n)``.
    """
    return output(_product(x, w) + bias, mult, shift, y_zero, y_min, y_max).astype(to)


def ek_matmul(
    a: Ints,
    a_zero: int,
    b: Ints,
    b_zero: int,
    mult: int,
    shift: int,
    y_zero: int,
    y_min: int,
    y_max: int,
    *,
    to: npt.DTypeLike,
) -> Ints:
    """Return ``clamp(y_zero + requantize((a - a_zero) @ (b - b_zero)))``; a ``(m, k)``, b ``(k, n)``."""
    total = _product_of_two(a, a_zero, b, b_zero)
    return output(total, mult, shift, y_zero, y_min, y_max).astype(to)


def exact_product(w: Ints, x: Ints) -> I64:
    """Return ``w @ x`` as int64 for integer matrices of int8 and int8 or int16."""
    product: I64 = np.matmul(w.astype(np.float64), x.astype(np.float64)).astype(np.int64)
    return product


def _product_of_two(a: Ints, a_zero: int, b: Ints, b_zero: int) -> I64:
    left, right = a.astype(np.int64) - a_zero, b.astype(np.int64) - b_zero
    total: I64 = left @ right
    return total


def _product(x: Ints, w: S8) -> I64:
    return exact_product(x, w.T)


def ek_fc_f32(x: F32, w: F32, bias: F32 | None) -> F32:
    """Return ``bias + x @ w``; x ``(..., k)``, w ``(k, n)``."""
    return accumulate(np.zeros(w.shape[1], np.float32) if bias is None else bias, x, w)


def ek_matmul_f32(a: F32, b: F32) -> F32:
    """Return ``a @ b``; a ``(m, k)``, b ``(k, n)``."""
    return ek_fc_f32(a, b, None)
