"""Operators with precise internals against exact rational numbers: one rounding, or the error that is stated."""

from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from exact_integers import CORNERS, DTYPES, HALF, RANGES, WORD, rounded
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.operators.fused import twin as fused_twin
from edgekit.operators.scheme import fixed_point

FACTORS = (0, 1, 2**29, 2**30)


@pytest.mark.parametrize("y", ["s16", "s8"])
@pytest.mark.parametrize("shift", [2, 30, 62])
def test_magnitude_is_the_root_rounded_half_up(y: str, shift: int) -> None:
    low, high = RANGES[y]
    pairs = np.array(list(product(CORNERS["s16"], repeat=2)), np.int16)
    for m1, m2, add in product(FACTORS, FACTORS, (0, 1, 2**61)):
        tail = add, shift, -7, low, high
        found = fused_twin.ek_magnitude(pairs[:, 0], m1, pairs[:, 1], m2, *tail, to=DTYPES[y])
        for (p, q), result in zip(pairs.tolist(), found.tolist(), strict=True):
            square = Fraction(p * p * m1 + q * q * m2 + add, 2**shift)
            root = result + 7
            assert (root - HALF) ** 2 <= square or root <= 0 or result == low
            assert square < (root + HALF) ** 2 or result == high


@given(st.integers(0, 2**64 - 1))
def test_the_integer_root_is_exact(v: int) -> None:
    for value in (v, (v >> 32) ** 2, max((v >> 32) ** 2 - 1, 0)):
        root = int(fused_twin.isqrt64(np.array([value], np.uint64))[0])
        assert root**2 <= value < (root + 1) ** 2


@pytest.mark.parametrize("y", ["s16", "s8"])
@pytest.mark.parametrize("shift", [1, 30, 62])
def test_sum_of_products_has_one_rounding(y: str, shift: int) -> None:
    quads = np.array(list(product(CORNERS["s16"][::2], repeat=4)), np.int16)
    for m1, m2 in product((-(2**30), 3, 2**30), repeat=2):
        tail = m2, shift, 5, *RANGES[y]
        found = fused_twin.ek_product_sum(*quads.T[:2], m1, *quads.T[2:], *tail, to=DTYPES[y])
        for (a, b, c, d), result in zip(quads.tolist(), found.tolist(), strict=True):
            assert result == rounded(Fraction(a * b * m1 + c * d * m2, 2**shift), 5, RANGES[y])


@pytest.mark.parametrize("y", ["s16", "s8"])
@given(
    st.lists(st.sampled_from(CORNERS["s16"]) | WORD, min_size=1, max_size=30), st.integers(16, 46)
)
def test_mean_of_squares_has_one_rounding(y: str, values: list[int], shift: int) -> None:
    x = np.array(values, np.int16).reshape(1, -1, 1)
    exact = Fraction(sum(v * v for v in values) * 32767, 2**shift)
    found = fused_twin.ek_mean_square(x, 32767, shift, -3, *RANGES[y], to=DTYPES[y])
    assert int(found[0, 0]) == rounded(exact, -3, RANGES[y])


def near(found: int, exact: Decimal, error: Decimal, limits: tuple[int, int]) -> bool:
    """Whether a result is the exact one but for this error, or saturated."""
    low, high = limits
    return abs(Decimal(found) - min(max(exact, Decimal(low)), Decimal(high))) <= error


@pytest.mark.parametrize("y", ["s16", "s8"])
@given(
    st.lists(st.sampled_from(CORNERS["s16"]) | WORD, min_size=1, max_size=24),
    st.sampled_from([0, 1, 2**50]),
    st.sampled_from([2**8, 2**24]),
)
@settings(max_examples=150, deadline=None)
def test_normalization_keeps_its_stated_error(
    y: str, values: list[int], epsilon: int, gain: int
) -> None:
    n, shift, bias = len(values), 30, 12345
    arrays = np.full(n, gain, np.int32), np.full(n, bias, np.int32)
    tail = 4, epsilon, shift, 1, *RANGES[y]
    found = fused_twin.ek_layernorm(np.array([values], np.int16), *arrays, *tail, to=DTYPES[y])[0]
    total, squares = sum(values), sum(v * v for v in values)
    with localcontext() as context:
        context.prec = 60
        root = Decimal(n * squares - total * total + epsilon).sqrt()
        for v, result in zip(values, found.tolist(), strict=True):
            z = Decimal(n * v - total) / root * 2**20 if root else Decimal(0)
            exact = (z * gain + bias * 16) / 2**shift + 1
            error = HALF_DECIMAL + gain * (HALF_DECIMAL + abs(z) / 2**28) / 2**shift
            assert near(result, exact, error, RANGES[y])


HALF_DECIMAL = Decimal("0.5")


@pytest.mark.parametrize("y", ["s16", "s8"])
@given(
    st.lists(st.sampled_from(CORNERS["s16"]) | WORD, min_size=1, max_size=24),
    st.sampled_from([2.0**-15, 2.0**-11, 0.01, 3.0]),
)
@settings(max_examples=150, deadline=None)
def test_softmax_keeps_its_stated_error(y: str, values: list[int], scale: float) -> None:
    m, s = (int(a[0]) for a in fixed_point(scale * np.log2(np.e) * 2.0**20, 31))
    scaling = m, s, fused_twin.exp2_table(), 2**29 - 1, 45
    row = np.array([values], np.int16)
    found = fused_twin.ek_softmax(row, *scaling, 0, *RANGES[y], to=DTYPES[y])[0]
    with localcontext() as context:
        context.prec = 40
        parts = [(Decimal(scale) * (v - max(values))).exp() for v in values]
        for part, result in zip(parts, found.tolist(), strict=True):
            p, unit = part / sum(parts), Decimal(2**31 * (2**29 - 1)) / 2**45
            error = HALF_DECIMAL + unit * (p / 2**17 + len(values) / Decimal(2**30))
            assert near(result, p * unit, error, RANGES[y])
