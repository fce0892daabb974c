"""Numbers that a stream draws: the same in one call or in several."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.operators.noise import ek_noise_f32, number, parts


@given(st.integers(0, 2**64 - 1))
def test_parts_of_16_bits_hold_a_whole_number(value: int) -> None:
    assert number(parts(value)) == value
    assert parts(value).dtype == np.float32


@pytest.mark.parametrize("distribution", ["normal", "uniform"])
def test_two_calls_draw_what_one_does(distribution: str) -> None:
    state = np.concatenate([parts(77), parts(5)])
    whole, behind = ek_noise_f32(state, distribution, 1, 48)
    first, middle = ek_noise_f32(state, distribution, 1, 20)
    second, end = ek_noise_f32(middle, distribution, 1, 28)
    np.testing.assert_array_equal(np.concatenate([first, second]), whole)
    np.testing.assert_array_equal(end, behind)
    other, _ = ek_noise_f32(state, distribution, 2, 48)
    assert not np.array_equal(other, whole)
