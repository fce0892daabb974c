"""Sums, products and slopes on integers against real numbers."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from exact_integers import DTYPES, RANGES, WIDTHS, corners, rounded
from hypothesis import given
from hypothesis import strategies as st

from edgekit.operators.elementwise import twin as elementwise_twin
from edgekit.operators.scheme import fixed_point


@given(st.integers(-128, 127), st.integers(-128, 127))
def test_add_and_mul_are_within_one_step_of_real_numbers(a: int, b: int) -> None:
    sa, sb, sy = 0.02, 0.05, 0.06
    pair = [round(v / sy * 2.0**31) for v in (sa, sb)]
    qa, qb = np.array([a], np.int8), np.array([b], np.int8)
    total = elementwise_twin.ek_add(qa, 5, pair[0], qb, -9, pair[1], 31, 3, -128, 127, to=np.int8)[
        0
    ]
    real = np.clip(((a - 5) * sa + (b + 9) * sb) / sy + 3, -128, 127)
    assert abs(total - real) <= 0.51
    m, s = fixed_point(sa * sb / sy, 31)
    product = elementwise_twin.ek_mul(
        qa, 5, qb, -9, int(m[0]), int(s[0]), 3, -128, 127, to=np.int8
    )[0]
    assert abs(product - np.clip((a - 5) * sa * (b + 9) * sb / sy + 3, -128, 127)) <= 0.51


def test_prelu_is_within_one_step_of_real_numbers() -> None:
    x = np.arange(-128, 128).astype(np.int8).reshape(2, 128)
    slopes, ratio = np.array([0.25, -1.5]), 0.8
    m_neg = np.rint(slopes * ratio * 2.0**30).astype(np.int32)
    y = elementwise_twin.ek_prelu(x, 7, round(ratio * 2.0**30), m_neg, 30, -20, to=np.int8)
    d = x.astype(float) - 7
    real = np.clip(np.where(d >= 0, d, d * slopes[:, None]) * ratio - 20, -128, 127)
    assert np.abs(y - real).max() <= 0.51


@pytest.mark.parametrize(("x", "y"), WIDTHS)
@pytest.mark.parametrize("factors", [(1, -1), (2**14, 2**15 - 1), (-(2**15) + 1, 7)])
@pytest.mark.parametrize("shift", [1, 15, 30])
def test_add_and_mul_at_corners(x: str, y: str, factors: tuple[int, int], shift: int) -> None:
    m1, m2 = factors
    for (p, q), x_zero, y_zero in corners(x, y, 2):
        a, b = np.array([p], DTYPES[x]), np.array([q], DTYPES[x])
        limits = y_zero, *RANGES[y]
        exact = Fraction((p - x_zero) * m1 + q * m2, 2**shift)
        found = elementwise_twin.ek_add(a, x_zero, m1, b, 0, m2, shift, *limits, to=DTYPES[y])
        assert found[0] == rounded(exact, y_zero, RANGES[y])
        exact = Fraction((p - x_zero) * q * m1, 2**shift)
        found = elementwise_twin.ek_mul(a, x_zero, b, 0, m1, shift, *limits, to=DTYPES[y])
        assert found[0] == rounded(exact, y_zero, RANGES[y])


@pytest.mark.parametrize(("x", "y"), WIDTHS)
def test_prelu_at_corners(x: str, y: str) -> None:
    for (q,), x_zero, y_zero in corners(x, y, 1):
        for above, below, shift in product((2**14, 2**15 - 1), (-(2**15) + 1, 0, 99), (1, 15, 20)):
            d = q - x_zero
            exact = Fraction(d * (above if d >= 0 else below), 2**shift)
            slopes = np.array([below], np.int32)
            image, numbers = np.array([[q]], DTYPES[x]), (above, slopes, shift, y_zero)
            found = elementwise_twin.ek_prelu(image, x_zero, *numbers, to=DTYPES[y])
            assert int(found[0, 0]) == rounded(exact, y_zero, RANGES[y])
