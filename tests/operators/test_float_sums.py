"""Float sums have one order: from left to right."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgekit.operators.float_sums import accumulate, ordered_sum


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=20))
def test_a_sum_is_that_of_a_loop(numbers: list[float]) -> None:
    total = np.float32(0)
    for number in numbers:
        total = np.float32(total + np.float32(number))
    assert ordered_sum(np.array([numbers], np.float32))[0, 0] == total


def test_a_product_adds_to_its_start_one_input_after_the_other() -> None:
    random = np.random.default_rng(0)
    x, w = (
        random.standard_normal((3, 7)).astype(np.float32),
        random.standard_normal((7, 2)).astype(np.float32),
    )
    start = np.array([1e6, -3.0], np.float32)
    wanted = np.broadcast_to(start, (3, 2)).copy()
    for k in range(7):
        wanted = (wanted + (x[:, k, None] * w[k]).astype(np.float32)).astype(np.float32)
    np.testing.assert_array_equal(accumulate(start, x, w), wanted)
