"""Windows of pooling: their divisors, and means of integers with one rounding."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest

from edgekit.operators.geometry import ConvShape
from edgekit.operators.pooling.twin import Pool, column_pool, divisors, ek_avg_pool, ek_max_pool
from edgekit.operators.scheme import fixed_point

SHAPE = ConvShape(2, 1, 7, 2, 1, 4, 1, 3, 1, 2, 1, 1, 0, 1, 1)


@pytest.mark.parametrize(("include_pad", "counts"), [(0, [2, 3, 3, 2]), (1, [3, 3, 3, 3])])
def test_divisors_count_the_data_or_the_padding_too(include_pad: int, counts: list[int]) -> None:
    assert divisors(SHAPE, include_pad, 0, 1).tolist() == [counts]


def test_a_mean_of_integers_has_one_rounding() -> None:
    x = np.random.default_rng(0).integers(-128, 128, (2, 1, 7)).astype(np.int8)
    mult, shift = fixed_point(1 / np.array([2.0, 3.0]), 31)
    found = ek_avg_pool(x, 5, mult, shift, 2, -3, -128, 127, pool=Pool(SHAPE, 0, 0, 1), to=np.int8)
    for channel in range(2):
        for place in range(4):
            window = [
                int(x[channel, 0, k]) - 5 for k in range(2 * place - 1, 2 * place + 2) if 0 <= k < 7
            ]
            exact = Fraction(sum(window), len(window))
            assert found[channel, 0, place] == floor(exact + Fraction(1, 2)) - 3


def test_the_largest_is_of_the_data_alone() -> None:
    x = np.full((2, 1, 7), -100, np.int8)
    assert (ek_max_pool(x, SHAPE) == -100).all()


def test_a_reduction_side_by_side_is_a_pool_of_columns() -> None:
    import onnx_ir as ir

    value = ir.Value(name="x", shape=ir.Shape((2, 3, 4, 5)))
    shape = column_pool(ir.node("ReduceMean", [value]), [1, 2]).shape
    assert (shape.in_c, shape.in_h, shape.in_w, shape.k_h) == (2, 12, 5, 12)
