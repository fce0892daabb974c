"""Orders of axes: permutations turn one into another, and lie alike where only extents of 1 differ."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgekit.targets.litert.orders import (
    UNIT,
    channels_last,
    is_same_memory,
    natural,
    permutation,
    stored_shape,
    transpose_order,
)


@given(st.permutations(range(4)), st.permutations(range(4)))
def test_a_permutation_turns_one_order_into_another(one: list[int], other: list[int]) -> None:
    x = np.arange(120).reshape(2, 3, 4, 5)
    turned = x.transpose(one).transpose(permutation(tuple(one), tuple(other)))
    np.testing.assert_array_equal(turned, x.transpose(other))


@given(st.permutations(range(4)), st.permutations(range(4)))
def test_permuted_axes_in_the_same_memory_have_another_order(
    order: list[int], perm: list[int]
) -> None:
    x = np.arange(120).reshape(2, 3, 4, 5)
    again = transpose_order(tuple(order), perm)
    np.testing.assert_array_equal(x.transpose(perm).transpose(again), x.transpose(order))


def test_axes_of_extent_1_may_stand_anywhere() -> None:
    assert stored_shape(channels_last(3), (1, 2, 7)) == (1, 1, 7, 2)
    assert is_same_memory((0, UNIT, 2, 1), natural(3), (1, 1, 7))
    assert not is_same_memory((0, UNIT, 2, 1), natural(3), (1, 2, 7))
