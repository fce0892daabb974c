"""Recurrent cells in NumPy against onnxruntime, and integers against floats."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from exact_integers import WORD, rounded
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx_operator import onnx_run, snr_db

from edgekit.operators.pointwise import tables as lookup_tables
from edgekit.operators.recurrent import twin as recurrent_twin
from edgekit.operators.scheme import fixed_point


@pytest.mark.parametrize("before", [0, 1])
def test_float_gru_is_that_of_onnx(before: int) -> None:
    rng = np.random.default_rng(6)
    i, n, steps = 7, 9, 12
    w, r, bias = (
        rng.normal(0, 0.5, (1, 3 * n, i)),
        rng.normal(0, 0.5, (1, 3 * n, n)),
        rng.normal(0, 0.5, (1, 6 * n)),
    )
    x = rng.standard_normal((steps, 1, i))
    x, w, r, bias = (a.astype(np.float32) for a in (x, w, r, bias))
    theirs = onnx_run("GRU", [x, w, r, bias], hidden_size=n, linear_before_reset=before)[0]
    h = np.zeros(n, np.float32)
    for t in range(steps):
        wb, rb = bias[0, : 3 * n], bias[0, 3 * n :]
        h = recurrent_twin.ek_gru_f32(x[t, 0], h, w[0].T, r[0].T, wb, rb, before)
        np.testing.assert_allclose(h, theirs[t, 0, 0], atol=2e-6)


def test_float_lstm_is_that_of_onnx() -> None:
    rng = np.random.default_rng(7)
    i, n, steps = 7, 9, 12
    w, r, bias = (
        rng.normal(0, 0.5, (1, 4 * n, i)),
        rng.normal(0, 0.5, (1, 4 * n, n)),
        rng.normal(0, 0.5, (1, 8 * n)),
    )
    x = rng.standard_normal((steps, 1, i))
    x, w, r, bias = (a.astype(np.float32) for a in (x, w, r, bias))
    theirs = onnx_run("LSTM", [x, w, r, bias], hidden_size=n)[0]
    h = c = np.zeros(n, np.float32)
    for t in range(steps):
        both = bias[0, : 4 * n] + bias[0, 4 * n :]
        h, c = recurrent_twin.ek_lstm_f32(x[t, 0], h, c, w[0].T, r[0].T, both)
        np.testing.assert_allclose(h, theirs[t, 0, 0], atol=2e-6)


@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.parametrize(("x_bits", "least_db"), [(7, 35.0), (15, 60.0)])
def test_integer_gru_follows_the_float_one(x_bits: int, least_db: float, before: int) -> None:
    rng = np.random.default_rng(8)
    i, n, steps = 24, 32, 60
    s16 = x_bits == 15
    wq, rq = (
        rng.integers(-127, 128, (3 * n, i)).astype(np.int8),
        rng.integers(-127, 128, (3 * n, n)).astype(np.int8),
    )
    s_w, s_x, s_h = 1 / 400.0, 2.0**-x_bits, 2.0**-15 if s16 else 2.0**-7
    xq = np.rint(rng.uniform(-1, 1, (steps, i)) * (2**x_bits - 1)).astype(
        np.int16 if s16 else np.int8
    )
    wb, rb = (np.rint(rng.normal(0, 0.3, 3 * n) / (s_w * s)).astype(np.int64) for s in (s_x, s_h))
    bits = 15 if s16 else 31
    scaling = [
        np.broadcast_to(a, (3 * n,))
        for s in (s_x, s_h)
        for a in fixed_point(s_w * s * 2.0**11, bits)
    ]
    tables = lookup_tables.sigmoid_gate()[0], lookup_tables.tanh_gate()[0]
    h, real, found, exact = np.zeros(n, np.int16), np.zeros(n, np.float32), [], []
    w, r = ((q.T * s_w).astype(np.float32) for q in (wq, rq))
    gates = recurrent_twin.Gates(wq, rq, wb, rb, *scaling, *tables)
    for step in xq:
        h = recurrent_twin.ek_gru(step, h, gates, before, operand=xq.dtype)
        x = (step * s_x).astype(np.float32)
        wide, wide_r = (wb * s_w * s_x).astype(np.float32), (rb * s_w * s_h).astype(np.float32)
        real = recurrent_twin.ek_gru_f32(x, real, w, r, wide, wide_r, before)
        found.append(h * 2.0**-15)
        exact.append(real)
    assert snr_db(np.array(found), np.array(exact, np.float64)) >= least_db


@pytest.mark.parametrize(("x_bits", "least_db"), [(7, 35.0), (15, 60.0)])
def test_integer_lstm_follows_the_float_one(x_bits: int, least_db: float) -> None:
    rng = np.random.default_rng(9)
    i, n, steps, s16, c_bits = 24, 32, 60, x_bits == 15, 27
    wq, rq = (rng.integers(-127, 128, (4 * n, k)).astype(np.int8) for k in (i, n))
    s_w, s_x, s_h = 1 / 400.0, 2.0**-x_bits, 2.0**-15 if s16 else 2.0**-7
    xq = np.rint(rng.uniform(-1, 1, (steps, i)) * (2**x_bits - 1)).astype(
        np.int16 if s16 else np.int8
    )
    wb, rb = (np.rint(rng.normal(0, 0.3, 4 * n) / (s_w * s)).astype(np.int64) for s in (s_x, s_h))
    scaling = [
        np.broadcast_to(a, (4 * n,))
        for s in (s_x, s_h)
        for a in fixed_point(s_w * s * 2.0**11, 15 if s16 else 31)
    ]
    tables = lookup_tables.sigmoid_gate()[0], lookup_tables.tanh_gate()[0]
    h, c, found, exact = np.zeros(n, np.int16), np.zeros(n, np.int32), [], []
    w, r = ((q.T * s_w).astype(np.float32) for q in (wq, rq))
    bias = (wb * s_w * s_x + rb * s_w * s_h).astype(np.float32)
    real = cell = np.zeros(n, np.float32)
    gates = recurrent_twin.Gates(wq, rq, wb, rb, *scaling, *tables)
    for step in xq:
        h, c = recurrent_twin.ek_lstm(step, h, c, gates, c_bits, operand=xq.dtype)
        x = (step * s_x).astype(np.float32)
        real, cell = recurrent_twin.ek_lstm_f32(x, real, cell, w, r, bias)
        found.append(np.stack([h * 2.0**-15, c * 2.0**-c_bits]))
        exact.append(np.stack([real, cell]))
    for part in (0, 1):
        assert snr_db(np.array(found)[:, part], np.array(exact, np.float64)[:, part]) >= least_db


def test_an_integer_lstm_that_keeps_everything_does_not_leak() -> None:
    n = 2
    w, r, zero = np.zeros((4 * n, 1), np.int8), np.zeros((4 * n, n), np.int8), np.zeros(4 * n)
    bias = np.repeat(np.array([-32768, 0, 32767, 0]), n)  # forget gate open, input gate shut
    scaling = [np.full(4 * n, 1 << 30), np.full(4 * n, 30)] * 2
    tables = lookup_tables.sigmoid_gate()[0], lookup_tables.tanh_gate()[0]
    start = np.array([2**31 - 1, -(2**31)], np.int32)
    h, c = np.zeros(n, np.int16), start
    for _ in range(1000):
        h, c = recurrent_twin.ek_lstm(
            np.zeros(1, np.int8),
            h,
            c,
            recurrent_twin.Gates(w, r, bias, zero.astype(int), *scaling, *tables),
            20,
            operand=np.int8,
        )
    np.testing.assert_array_equal(c, start)


@pytest.mark.parametrize("bits", [0, 11, 15, 20, 30])
@given(st.integers(-(2**31), 2**31 - 1), st.lists(WORD, min_size=4, max_size=4))
@settings(max_examples=50, deadline=None)
def test_the_memory_of_an_lstm_has_one_rounding(bits: int, c: int, gates: Sequence[int]) -> None:
    sigmoid, tanh = lookup_tables.sigmoid_gate()[0], lookup_tables.tanh_gate()[0]
    zero, one, shift = np.zeros((4, 1), np.int8), np.full(4, 2**14, np.int32), np.full(4, 14)
    h, bias = np.zeros(1, np.int16), np.array(gates, np.int64)
    sums = bias, np.zeros(4, np.int64), one, shift, one, shift
    given = recurrent_twin.Gates(zero, zero, *sums, sigmoid, tanh), bits
    x, memory = np.zeros(1, np.int16), np.array([c], np.int32)
    _, found = recurrent_twin.ek_lstm(x, h, memory, *given, operand=np.int16)

    def table(value: int, entries: NDArray[np.int16]) -> int:
        return int(lookup_tables.ek_lut_s16(np.array([value], np.int16), entries)[0])

    enter, keep = table(gates[0], sigmoid), 32768 - table(min(-gates[2], 32767), sigmoid)
    exact = Fraction(keep * c, 2**15)
    exact += Fraction(enter * table(gates[3], tanh) * 2**bits, 2**30)
    assert int(found[0]) == rounded(exact, 0, (-(2**31), 2**31 - 1))
