"""Fixed-point arithmetic of the NumPy twins, which equal the C kernels bit for bit.

A twin has the name of its kernel without the element types. Its arguments are those of the kernel, in the same order,
without the sizes that array shapes give. Values that C writes through a pointer are returned, as integers of type `to`
if the operands do not define it. ``edgekit.h`` documents the ranges. Operands of one element broadcast.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from edgekit.base.arrays import Float32, Int8, Int16, Int32, Int64

Ints = npt.NDArray[np.signedinteger[Any]]
Shifts = npt.NDArray[np.integer[Any]] | int
S8 = Int8
S16 = Int16
F32 = Float32
S32 = Int32
I64 = Int64


def requantize64(acc: Ints, m: Ints | int, s: Shifts) -> I64:
    """Return ``(acc * m + 2**(s-1)) >> s`` in 64 bits: one rounding, half up."""
    shift = np.asarray(s, dtype=np.int64)
    product = np.asarray(acc, dtype=np.int64) * np.asarray(m, dtype=np.int64)
    result: I64 = (product + (np.int64(1) << (shift - 1))) >> shift
    return result


def clamp(value: Ints, low: int, high: int) -> I64:
    """Return the values limited to ``[low, high]``; `numpy.clip` is several times slower on few values."""
    result: I64 = np.minimum(np.maximum(value, low), high)
    return result


def output(acc: Ints, m: Ints | int, s: Shifts, y_zero: int, y_min: int, y_max: int) -> I64:
    """Return ``y_zero`` plus the requantized `acc`, clamped to ``[y_min, y_max]``."""
    return clamp(requantize64(acc, m, s) + y_zero, y_min, y_max)


def saturate(value: Ints, to: npt.DTypeLike) -> Ints:
    """Clamp to the range of an integer type."""
    ends = np.iinfo(np.dtype(to))
    return clamp(value, ends.min, ends.max).astype(to)


def saturate_s8(value: Ints) -> S8:
    """Clamp to int8."""
    return clamp(value, -128, 127).astype(np.int8)


def saturate_s16(value: Ints) -> S16:
    """Clamp to int16."""
    return clamp(value, -32768, 32767).astype(np.int16)


def saturate_s32(value: Ints) -> S32:
    """Clamp to int32."""
    return np.clip(value, -(2**31), 2**31 - 1).astype(np.int32)


def subtract_zero_point(x: Ints, zero: int) -> I64:
    """Return ``x - zero`` in 64 bits."""
    return x.astype(np.int64) - zero
