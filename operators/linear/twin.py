"""Matrix products: NumPy twins of the C kernels (see `fixed_point`).

Integer sums run as float64 matrix products: exact, because every partial sum is an integer below 2**53. `limits` of a
result are y_zero, y_min and y_max.
"""

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from edgekit.base.arrays import Float64, Int32
from edgekit.operators.fixed_point import F32, I64, S8, Ints, Shifts, output
from edgekit.operators.float_sums import accumulate

F64 = Float64
Kind = TypeVar("Kind", bound=np.generic)


def ek_fc(
    x: Ints, w: S8, bias: Ints, mult: Ints, shift: Shifts, *limits: int, to: npt.DTypeLike
) -> Ints:
    """Return ``clamp(y_zero + requantize(x @ w.T + bias))``.

    x ``(..., k)``, w ``(n, k)``, y ``(..., n)``.
    """
    return output(_product(x, w) + bias, mult, shift, *limits).astype(to)


def ek_matmul(
    a: Ints,
    a_zero: int,
    b: Ints,
    b_zero: int,
    mult: int,
    shift: int,
    *limits: int,
    to: npt.DTypeLike,
) -> Ints:
    """Return ``clamp(y_zero + requantize((a - a_zero) @ (b - b_zero)))``; a ``(m, k)``, b ``(k, n)``."""
    total = _product_of_two(a, a_zero, b, b_zero)
    return output(total, mult, shift, *limits).astype(to)


def gather_frames(x: npt.NDArray[Kind], at: Int32, n: int) -> npt.NDArray[Kind]:
    """Return the frames, ``(frames, n)``, that begin at elements `at` of `x`."""
    found: npt.NDArray[Kind] = x.ravel()[at[:, None] + np.arange(n)]
    return found


def ek_frame_dots(
    a: Ints, a_zero: int, x: Ints, x_zero: int, at: Int32, *numbers: int, to: npt.DTypeLike
) -> Ints:
    """Return the products of vectors a ``(m, k)`` with the frames of `x` at `at`: ``(m, frames)``; see `ek_matmul`."""
    return ek_matmul(a, a_zero, gather_frames(x, at, a.shape[1]).T, x_zero, *numbers, to=to)


def ek_frame_sums(
    a: Ints, a_zero: int, x: Ints, x_zero: int, at: Int32, *numbers: int, n: int, to: npt.DTypeLike
) -> Ints:
    """Return the frames of `x` at `at`, n elements each, weighed by a ``(m, frames)``: ``(m, n)``; see `ek_matmul`."""
    return ek_matmul(a, a_zero, gather_frames(x, at, n), x_zero, *numbers, to=to)


def ek_frame_fc(x: Ints, at: Int32, w: S8, *numbers: Any, to: npt.DTypeLike) -> Ints:
    """Return the results of `ek_fc` on the blocks of `x` at `at`; w ``(blocks, n, k)``."""
    row = gather_frames(x, at, w.shape[2]).reshape(1, -1)
    y: Ints = ek_fc(row, np.concatenate(list(w), axis=1), *numbers, to=to)[0]
    return y


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


def ek_act(v: F32, act: int, a: float, b: float) -> F32:
    """Return a function of a float layer's sums, by its number in edgekit.h."""
    low, high = np.float32(a), np.float32(b)
    with np.errstate(all="ignore"):
        gate = np.minimum(np.maximum(v * low + high, np.float32(0)), np.float32(1))
        forms = (
            v,
            np.where(v > 0, v, np.float32(0)),
            np.minimum(np.maximum(v, low), high),
            np.where(v < 0, low * v, v),
            gate,
            v * gate,
        )
    y: F32 = forms[act]
    return y


def ek_matmul_f32(a: F32, b: F32) -> F32:
    """Return ``a @ b``; a ``(m, k)``, b ``(k, n)``."""
    return ek_fc_f32(a, b, None)


def ek_frame_dots_f32(a: F32, x: F32, at: Int32) -> F32:
    """Return the products of vectors a ``(m, k)`` with the frames of `x` at `at`: ``(m, frames)``."""
    return ek_matmul_f32(a, gather_frames(x, at, a.shape[1]).T)


def ek_frame_sums_f32(a: F32, x: F32, at: Int32, n: int) -> F32:
    """Return the frames of `x` at `at`, of n elements, weighed by a ``(m, frames)``: ``(m, n)``."""
    return ek_matmul_f32(a, gather_frames(x, at, n))


def ek_frame_fc_f32(x: F32, at: Int32, w: F32, bias: F32 | None) -> F32:
    """Return the results of `ek_fc_f32` on the blocks of `x` at `at`; w ``(blocks, k, n)``."""
    row = gather_frames(x, at, w.shape[1]).reshape(1, -1)
    y: F32 = ek_fc_f32(row, w.reshape(-1, w.shape[2]), bias)[0]
    return y
