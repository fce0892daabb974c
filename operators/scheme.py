"""The integer types and the fixed-point multipliers of EdgeKit's one integer arithmetic.

``real = scale * (q - zero_point)``. Activations are int8 asymmetric or int16 symmetric per tensor,
weights int8 or int4 symmetric per output channel. Scales are float32 values, so that a file keeps them exactly.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgekit.base.arrays import Float32, Float64, Int8, Int64
from edgekit.operators.border.twin import ek_dequantize, ek_quantize

WEIGHT_LIMITS = {"int8": 127, "int4": 7}
MANTISSA_BITS = {"int8": 31, "int16": 15}  # by the type of the activations
BIAS_BITS = {"int8": 29, "int16": 45}
SUM_LIMITS = {"int8": 2**31 - 1, "int16": 2**47 - 1}  # of |accumulator|; mantissas fill up 62 bits
TINY_STEP = 2.0**-100
DEAD_SCALE = 2.0**-7  # of a tensor that is always 0 in calibration


@dataclass(frozen=True)
class QuantType:
    """An activation's type: `dtype` is ``int8``, or ``int16`` or ``int32`` (then `zero_point` is 0)."""

    dtype: str
    scale: float
    zero_point: int

    @property
    def limits(self) -> tuple[int, int]:
        """Smallest and largest stored integer."""
        info = np.iinfo(self.dtype)
        return int(info.min), int(info.max)

    def quantize(self, x: NDArray[np.floating]) -> NDArray[np.signedinteger]:
        """``saturate(round_half_even(x / scale) + zero_point)`` in float32; NaN becomes zero_point."""
        return ek_quantize(x.astype(np.float32), self.scale, self.zero_point, to=self.dtype)

    def dequantize(self, q: NDArray[np.signedinteger]) -> Float32:
        """``scale * (q - zero_point)`` in float32."""
        return ek_dequantize(q.astype(np.int32), self.scale, self.zero_point)


def activation_type(dtype: str, low: float, high: float) -> QuantType:
    """Return the type that holds [low, high] and zero: int8 asymmetric, int16 symmetric."""
    low, high = min(low, 0.0), max(high, 0.0)
    if dtype == "int16":
        step = max(-low, high) / 32767
        scale = np.float32(step if step > TINY_STEP else DEAD_SCALE)
        return QuantType("int16", float(scale), 0)
    step = (high - low) / 255
    scale = np.float32(step if step > TINY_STEP else DEAD_SCALE)
    return QuantType("int8", float(scale), int(np.clip(np.rint(-128 - low / scale), -128, 127)))


HIDDEN_TYPE = QuantType("int16", 2.0**-15, 0)  # h of GRU and LSTM
GATE_TYPE = QuantType("int16", 2.0**-11, 0)  # gate pre-activations, saturating at +-16
DILATION_TYPE = QuantType("int8", 1.0, 0)  # s of a deformable convolution: rounded it is d
HIDDEN_INT8_TYPE = QuantType("int8", 2.0**-7, 0)  # h as the operand of the recurrent product


def weight_scales(
    rows: NDArray[np.floating],
    bias: NDArray[np.floating] | None = None,
    x: QuantType = QuantType("int8", 1.0, 0),
    dtype: str = "int8",
) -> Float32:
    """Return one scale per output channel for weights laid out as (channel, ...).

    A channel far below the others (or dead) gets a minimum scale instead of 0. A channel whose bias would exceed 30
    bits (46 with int16 inputs) at the scale of its sums gets a larger one. `x` is the type of the inputs.
    """
    peak = np.abs(rows.reshape(len(rows), -1).astype(np.float64)).max(axis=1, initial=0.0)
    scales = np.maximum(peak / WEIGHT_LIMITS[dtype], least_scales(rows, bias, x, dtype))
    result: Float32 = np.where(scales > 0, scales, 1.0).astype(np.float32)
    return result


def least_scales(
    rows: NDArray[np.floating], bias: NDArray[np.floating] | None, x: QuantType, dtype: str
) -> Float64:
    """Return the minimum scale of each channel, as described in `weight_scales`."""
    peak = float(np.abs(rows.astype(np.float64)).max(initial=0.0))
    least = np.full(len(rows), peak / WEIGHT_LIMITS[dtype] * 2.0**-16)
    if bias is None:
        return least
    by_bias = np.abs(bias.astype(np.float64)) / (x.scale * 2.0 ** BIAS_BITS[x.dtype])
    result: Float64 = np.maximum(least, by_bias)
    return result


def quantize_weights(rows: NDArray[np.floating], scales: Float32, dtype: str = "int8") -> Int8:
    """Round (channel, ...) weights to integers in [-127, 127], or of int4 in [-7, 7]."""
    limit = WEIGHT_LIMITS[dtype]
    wide = scales.astype(np.float64).reshape(-1, *[1] * (rows.ndim - 1))
    q = np.clip(np.rint(rows.astype(np.float64) / wide), -limit, limit)
    return q.astype(np.int8)


def fixed_point(multiplier: Float64 | float, mantissa_bits: int) -> tuple[Int64, Int64]:
    """Return ``(M, s)`` with ``multiplier ~ M * 2^-s``, M in [2^(w-1), 2^w), s in 1..62.

    A multiplier too small for s = 62 keeps s = 62 and a smaller M. One too large for s = 1 gets the largest M; every
    nonzero sum then saturates, as it should. A negative one has negative M.
    """
    value = np.atleast_1d(np.asarray(multiplier, np.float64))
    _, exponent = np.frexp(np.abs(value))
    shift = np.clip(mantissa_bits - exponent.astype(np.int64), 1, 62)
    largest = (1 << mantissa_bits) - 1
    real = np.minimum(np.rint(np.ldexp(np.abs(value), shift.astype(np.int32))), largest + 1)
    fixed = real.astype(np.int64)
    carry = (fixed > largest) & (shift > 1)
    fixed, shift = np.where(carry, fixed >> 1, fixed), np.where(carry, shift - 1, shift)
    fixed = np.minimum(fixed, largest)
    return np.sign(value).astype(np.int64) * fixed, shift


def fixed_point_pair(first: float, second: float, mantissa_bits: int) -> tuple[int, int, int]:
    """Return ``(M1, M2, s)`` for two multipliers that share one shift, as Add needs them."""
    _, shift = fixed_point(max(abs(first), abs(second)), mantissa_bits)
    s, largest = int(shift[0]), (1 << mantissa_bits) - 1
    m1, m2 = (round(max(-largest, min(m * 2.0**s, largest))) for m in (first, second))
    return m1, m2, s
