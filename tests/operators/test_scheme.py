"""Types and multipliers: ranges hold, zero is exact, fixed point is within its mantissa."""

from fractions import Fraction

import numpy as np
import pytest
from exact_integers import HALF
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.operators.scheme import (
    QuantType,
    activation_type,
    fixed_point,
    fixed_point_pair,
    quantize_weights,
    weight_scales,
)

FINITE = st.floats(-1e6, 1e6, allow_nan=False, width=32)


@given(FINITE, FINITE)
def test_int8_holds_its_range_and_zero(a: float, b: float) -> None:
    kind = activation_type("int8", min(a, b), max(a, b))
    ends = np.array([min(a, b, 0), max(a, b, 0)], np.float32)
    assert np.all(np.abs(kind.dequantize(kind.quantize(ends)) - ends) <= 1.01 * kind.scale)
    zero = np.zeros(1, np.float32)
    assert kind.dequantize(kind.quantize(zero))[0] == 0


@given(FINITE, FINITE)
def test_int16_is_symmetric(a: float, b: float) -> None:
    kind = activation_type("int16", min(a, b), max(a, b))
    assert kind.zero_point == 0
    assert max(abs(a), abs(b)) <= kind.scale * 32768


def test_not_a_number_becomes_the_zero_point_and_infinity_saturates() -> None:
    kind = QuantType("int8", 0.5, 7)
    q = kind.quantize(np.array([np.nan, np.inf, -np.inf, 1e30], np.float32))
    assert q.tolist() == [7, 127, -128, 127]


@given(st.floats(1e-12, 1e3), st.sampled_from([15, 16, 31]))
def test_fixed_point_is_exact_to_its_mantissa(multiplier: float, bits: int) -> None:
    mantissa, shift = fixed_point(multiplier, bits)
    assert 1 <= shift[0] <= 62
    if shift[0] < 62:
        assert 2 ** (bits - 1) <= mantissa[0] < 2**bits
        assert abs(mantissa[0] * 2.0 ** -shift[0] / multiplier - 1) <= 2.0**-bits


def test_fixed_point_carries_into_the_next_power() -> None:
    mantissa, shift = fixed_point(1 - 2.0**-40, 15)
    assert (mantissa[0], shift[0]) == (2**14, 14)


@pytest.mark.parametrize("multiplier", [2.0**31 - 0.25, 2.0**40, 1e38])
def test_a_multiplier_beyond_the_range_saturates_every_nonzero_sum(multiplier: float) -> None:
    for bits in (15, 31):
        mantissa, shift = fixed_point(multiplier, bits)
        assert (mantissa[0], shift[0]) == (2**bits - 1, 1)
    assert fixed_point_pair(multiplier, -multiplier, 31) == (2**31 - 1, 1 - 2**31, 1)


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_a_tensor_that_is_always_zero_has_a_usable_scale(dtype: str) -> None:
    for peak in (0.0, 1e-44, 1e-35):
        assert activation_type(dtype, -peak, peak).scale == 2.0**-7


@given(st.floats(1e-6, 1e3), st.floats(-1e3, 1e3))
def test_pairs_share_one_shift(first: float, second: float) -> None:
    m1, m2, s = fixed_point_pair(first, second, 31)
    unit = 2.0**-s
    assert abs(m1 * unit - first) <= unit
    assert abs(m2 * unit - second) <= unit
    assert max(abs(m1), abs(m2)) < 2**31


def test_a_dead_channel_gets_a_scale_and_a_loud_bias_a_larger_one() -> None:
    rows = np.array([[1.0, -2.0], [0.0, 0.0], [1e-9, 0.0]])
    scales = weight_scales(rows)
    assert np.all(scales > 0)
    assert np.abs(quantize_weights(rows, scales)).max() == 127
    for dtype, bits in (("int8", 29), ("int16", 45)):
        bias = np.array([0.0, 1e6 * 2**bits, 0.0])
        loud = weight_scales(rows, bias, QuantType(dtype, 1e-3, 0))
        largest = np.abs(bias / (1e-3 * loud.astype(np.float64))).max()
        assert 0.999 * 2**bits <= largest <= 1.001 * 2**bits


def test_all_dead_weights_still_quantize() -> None:
    assert (
        quantize_weights(np.zeros((2, 3)), weight_scales(np.zeros((2, 3)))).tolist()
        == [[0] * 3] * 2
    )


@pytest.mark.parametrize("dtype", ["int8", "int16"])
@given(st.floats(2.0**-30, 2.0**10), st.integers(-128, 127))
@settings(max_examples=30, deadline=None)
def test_every_integer_survives_dequantizing_and_quantizing(
    dtype: str, scale: float, zero: int
) -> None:
    kind = QuantType(dtype, float(np.float32(scale)), zero if dtype == "int8" else 0)
    low, high = kind.limits
    every = np.arange(low, high + 1).astype(dtype)
    real = kind.dequantize(every)
    np.testing.assert_array_equal(kind.quantize(real), every)
    for q in (low, -1, 0, 1, high):
        exact = Fraction(kind.scale) * (q - kind.zero_point)
        assert abs(Fraction(float(real[q - low])) - exact) <= abs(exact) * Fraction(1, 2**24)


@pytest.mark.parametrize("dtype", ["int8", "int16"])
@given(st.floats(width=32, allow_nan=False, allow_infinity=False), st.floats(2.0**-20, 2.0**4))
@settings(max_examples=200, deadline=None)
def test_quantize_rounds_the_quotient_half_to_even(dtype: str, x: float, scale: float) -> None:
    kind = QuantType(dtype, float(np.float32(scale)), 9 if dtype == "int8" else 0)
    with np.errstate(over="ignore"):
        quotient = float(np.float32(x) / np.float32(kind.scale))
    low, high = kind.limits
    whole = round(Fraction(quotient)) if abs(quotient) < 1e9 else int(np.sign(quotient)) * 10**9
    assert int(kind.quantize(np.array([x], np.float32))[0]) == min(
        max(whole + kind.zero_point, low), high
    )


@given(st.floats(2.0**-40, 2.0**14), st.sampled_from([15, 31]))
def test_a_multiplier_is_off_by_half_a_unit_of_its_mantissa(real: float, bits: int) -> None:
    m, s = (int(a[0]) for a in fixed_point(real, bits))
    assert 1 <= s <= 62 and 0 < m < 2**bits
    unit = Fraction(1, 2**s)
    assert abs(Fraction(real) - m * unit) <= HALF * unit or m == 2**bits - 1
