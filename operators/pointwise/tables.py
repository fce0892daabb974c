"""Lookup tables of the scheme: builders, and the NumPy twins of the kernels that read them."""

from collections.abc import Callable
from functools import cache

import numpy as np

from edgekit.base.arrays import Float64
from edgekit.operators.fixed_point import S8, S16, Ints, output

F64 = Float64
Function = Callable[[F64], F64]

GATE_IN_SCALE = 2.0**-11
GATE_OUT_SCALE = 2.0**-15
STEP = 64  # inputs between two entries of an int16 table


def lut_s8(
    function: Function, in_scale: float, in_zero: int, out_scale: float, out_zero: int
) -> S8:
    """Return the 256-entry table of `function`, indexed by ``q + 128``.

    Half-even and saturating; NaN becomes out_zero.
    """
    real = (np.arange(-128, 128) - in_zero) * np.float64(in_scale)
    return _quantize_function(function, real, out_scale, out_zero, -128, 127).astype(np.int8)


def lut_s16(function: Function, in_scale: float, out_scale: float) -> tuple[S16, float]:
    """Return the 1025-entry piecewise-linear table of `function` and its largest error.

    Entry i is the value at ``q = 64 i - 32768``; symmetric int16 in and out. The error is in real
    output units, over all 65536 inputs, against the function saturated to int16.
    """
    knots = (np.arange(1025) * STEP - 32768) * np.float64(in_scale)
    table = _quantize_function(function, knots, out_scale, 0, -32768, 32767).astype(np.int16)
    table.setflags(write=False)
    every = np.arange(-32768, 32768).astype(np.int16)
    with np.errstate(all="ignore"):
        exact = np.nan_to_num(function(every * np.float64(in_scale)), nan=0.0)
    held = np.clip(exact, -32768 * out_scale, 32767 * out_scale)
    return table, float(np.abs(ek_lut_s16(every, table) * out_scale - held).max())


@cache
def sigmoid_gate() -> tuple[S16, float]:
    """Return the gates' sigmoid table (scale 2^-11 to 2^-15) and its largest error."""
    return lut_s16(lambda x: 1.0 / (1.0 + np.exp(-x)), GATE_IN_SCALE, GATE_OUT_SCALE)


@cache
def tanh_gate() -> tuple[S16, float]:
    """Return the gates' tanh table (scale 2^-11 to 2^-15) and its largest error."""
    return lut_s16(np.tanh, GATE_IN_SCALE, GATE_OUT_SCALE)


def ek_lut_s8(x: S8, table: S8) -> S8:
    """Return ``table[x + 128]``."""
    return table[x.astype(np.int64) + 128]


def ek_lut_s16(x: S16, table: S16) -> S16:
    """Return ``t[i] + (((t[i+1] - t[i]) * frac + 32) >> 6)``.

    i is ``(x + 32768) >> 6`` and frac the low six bits of ``x + 32768``.
    """
    u = x.astype(np.int64) + 32768
    t0, t1 = table[u >> 6].astype(np.int64), table[(u >> 6) + 1].astype(np.int64)
    y: S16 = (t0 + (((t1 - t0) * (u & 63) + 32) >> 6)).astype(np.int16)
    return y


def ek_lut_s16_s8(x: S16, table: S16, mult: int, shift: int, y_zero: int) -> S8:
    """Return ``saturate(y_zero + requantize(ek_lut_s16(x)))``."""
    return output(ek_lut_s16(x, table), mult, shift, y_zero, -128, 127).astype(np.int8)


def _quantize_function(
    function: Function, real: F64, scale: float, zero: int, low: int, high: int
) -> Ints:
    with np.errstate(all="ignore"):
        y = function(real)
        steps = np.rint(np.where(np.isnan(y), 0.0, y) / scale)
    return (np.clip(steps, low - zero, high - zero) + zero).astype(np.int64)
