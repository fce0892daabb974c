"""Recurrent cells, one time step: NumPy twins of the C kernels; the next state is returned."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgekit.operators.fixed_point import (
    F32,
    I64,
    S8,
    S16,
    S32,
    Ints,
    Shifts,
    clamp,
    output,
    saturate_s8,
    saturate_s16,
    saturate_s32,
)
from edgekit.operators.float_sums import accumulate
from edgekit.operators.linear.twin import exact_product
from edgekit.operators.pointwise.tables import ek_lut_s16
from edgekit.operators.pointwise.twin import ek_sigmoid_f32, ek_tanh_f32


@dataclass(frozen=True)
class Gates:
    """Constants of the gates of an integer cell, ``gates`` times ``units`` rows each.

    w ``(rows, inputs)``, r ``(rows, units)``, biases, mults and shifts ``(rows,)``, and the tables of the functions.
    If w has no columns, x ``(..., rows)`` holds the results of its product, int16 of scale 2^-11.
    """

    w: S8
    r: S8
    w_bias: Ints
    r_bias: Ints
    w_mult: Ints
    w_shift: Shifts
    r_mult: Ints
    r_shift: Shifts
    sigmoid: S16
    tanh: S16

    def of_input(self, x: Ints) -> I64:
        """Return the part that x ``(..., inputs)`` has in the sums, of scale 2^-11."""
        if not self.w.shape[1]:
            return x.astype(np.int64)
        return _preactivation(exact_product(x, self.w.T) + self.w_bias, self.w_mult, self.w_shift)

    def of_state(self, h: S16, operand: npt.DTypeLike) -> I64:
        """Return the part of h ``(..., units)``: rounded to int8, or int16 unchanged."""
        product = exact_product(_operand(h, operand), self.r.T)
        return _preactivation(product + self.r_bias, self.r_mult, self.r_shift)


def ek_gru(
    x: Ints, h: S16, gates: Gates, linear_before_reset: int, *, operand: npt.DTypeLike
) -> S16:
    """Return the next state of an integer GRU, gates in order z, r, h.

    h ``(..., units)`` int16 of scale 2^-15, x ``(..., inputs)``. The recurrent product reads h as `operand`.
    """
    n = h.shape[-1]
    gx, gh = gates.of_input(x), gates.of_state(h, operand)
    opening = ek_lut_s16(saturate_s16(gx[..., : 2 * n] + gh[..., : 2 * n]), gates.sigmoid)
    z, reset = np.split(opening.astype(np.int64), 2, axis=-1)
    if linear_before_reset:
        recurrent = _product_q15(reset, gh[..., 2 * n :])
    else:
        kept = _product_q15(reset, h.astype(np.int64)).astype(np.int16)
        recurrent = gates.of_state(kept, operand)[..., 2 * n :]
    candidate = ek_lut_s16(saturate_s16(gx[..., 2 * n :] + recurrent), gates.tanh).astype(np.int64)
    return saturate_s16(((32768 - z) * candidate + z * h + (1 << 14)) >> 15)


def ek_lstm(
    x: Ints, h: S16, c: S32, gates: Gates, c_bits: int, *, operand: npt.DTypeLike
) -> tuple[S16, S32]:
    """Return the next h and c of an integer LSTM, gates in order i, o, f, c.

    As `ek_gru` with four gates; c ``(..., units)`` int32 of scale ``2^-c_bits``.
    """
    sigmoid, sums = gates.sigmoid, gates.of_input(x) + gates.of_state(h, operand)
    i, o, f, g = np.split(saturate_s16(sums), 4, axis=-1)
    enter = ek_lut_s16(i, sigmoid).astype(np.int64) * ek_lut_s16(g, gates.tanh)
    keep = 32768 - ek_lut_s16(saturate_s16(-f.astype(np.int64)), sigmoid).astype(np.int64)
    up = max(15 - c_bits, 0)
    total = ((keep * c) << up) + (enter << max(c_bits - 15, 0))
    cell = saturate_s32((total + (1 << (14 + up))) >> (15 + up))
    gate = ek_lut_s16(_cell_q11(cell, c_bits), gates.tanh).astype(np.int64)
    return _product_q15(ek_lut_s16(o, sigmoid).astype(np.int64), gate).astype(np.int16), cell


def ek_gru_f32(
    x: F32, h: F32, w: F32, r: F32, w_bias: F32, r_bias: F32, linear_before_reset: int
) -> F32:
    """Return the next state of a float GRU, gates z, r, h.

    x ``(..., inputs)``, h ``(..., units)``, w ``(inputs, 3 units)``, r ``(units, 3 units)``, biases ``(3 units,)``.
    """
    n = h.shape[-1]
    gx = accumulate(w_bias, x, w)
    gh = accumulate(r_bias[: 2 * n], h, r[:, : 2 * n])
    z, reset = np.split(ek_sigmoid_f32(gx[..., : 2 * n] + gh), 2, axis=-1)
    if linear_before_reset:
        recurrent = reset * accumulate(r_bias[2 * n :], h, r[:, 2 * n :])
    else:
        recurrent = accumulate(r_bias[2 * n :], reset * h, r[:, 2 * n :])
    candidate = ek_tanh_f32(gx[..., 2 * n :] + recurrent)
    return (np.float32(1) - z) * candidate + z * h


def ek_lstm_f32(x: F32, h: F32, c: F32, w: F32, r: F32, bias: F32) -> tuple[F32, F32]:
    """Return the next h and c of a float LSTM, gates i, o, f, c.

    x ``(..., inputs)``, h and c ``(..., units)``, w ``(inputs, 4 units)``, r ``(units, 4 units)``, bias ``(4 units,)``.
    """
    gates = accumulate(accumulate(bias, x, w), h, r)
    n = h.shape[-1]
    i, o, f = np.split(ek_sigmoid_f32(gates[..., : 3 * n]), 3, axis=-1)
    cell = f * c + i * ek_tanh_f32(gates[..., 3 * n :])
    return o * ek_tanh_f32(cell), cell


def ek_rnn_f32(x: F32, h: F32, w: F32, r: F32, bias: F32, relu: int) -> F32:
    """Return the next state of a plain recurrent layer, the tanh or relu of ``bias + x @ w + h @ r``.

    x ``(..., inputs)``, h ``(..., units)``, w ``(inputs, units)``, r ``(units, units)``, bias ``(units,)``.
    """
    total = accumulate(accumulate(bias, x, w), h, r)
    return np.where(total > 0, total, np.float32(0)) if relu else ek_tanh_f32(total)


def _cell_q11(c: S32, bits: int) -> S16:
    wide, down = c.astype(np.int64), bits - 11
    return saturate_s16((wide + (1 << (down - 1))) >> down if down > 0 else wide << -down)


def _preactivation(acc: I64, mult: Ints, shift: Shifts) -> I64:
    return output(acc, mult, shift, 0, -32768, 32767)


def _product_q15(a: I64, b: I64) -> I64:
    return clamp((a * b + (1 << 14)) >> 15, -32768, 32767)


def _operand(h: S16, to: npt.DTypeLike) -> Ints:
    return saturate_s8((h.astype(np.int64) + 128) >> 8) if np.dtype(to) == np.int8 else h
