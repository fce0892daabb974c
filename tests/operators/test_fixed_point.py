"""Requantization against Python integers."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgekit.operators import fixed_point as arithmetic


@given(st.integers(-(2**31), 2**31 - 1), st.integers(-(2**31) + 1, 2**31 - 1), st.integers(1, 62))
def test_requantize_is_floor_of_the_exact_value_plus_a_half(acc: int, m: int, s: int) -> None:
    exact = (2 * acc * m + 2**s) // 2 ** (s + 1)
    assert arithmetic.requantize64(np.array([acc]), m, s)[0] == exact


def test_requantize_breaks_ties_upwards() -> None:
    acc = np.array([-3, -1, 1, 3])
    assert arithmetic.requantize64(acc, 1, 1).tolist() == [-1, 0, 1, 2]
