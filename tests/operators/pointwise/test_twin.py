"""Functions of one float against float64."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit.operators.pointwise import twin as pointwise_twin

Function = Callable[[NDArray], NDArray]


FUNCTIONS = (
    (pointwise_twin.ek_exp_f32, np.exp, (-87.3, 88.7)),
    (pointwise_twin.ek_log_f32, np.log, (1e-30, 1e3)),
    (pointwise_twin.ek_sqrt_f32, np.sqrt, (0.0, 1e6)),
    (pointwise_twin.ek_sigmoid_f32, lambda x: 1 / (1 + np.exp(-x)), (-80, 40)),
    (pointwise_twin.ek_tanh_f32, np.tanh, (-12, 12)),
    (pointwise_twin.ek_erf_f32, np.vectorize(math.erf, otypes=[np.float64]), (-5, 5)),
)


@pytest.mark.parametrize(("function", "exact", "ends"), FUNCTIONS)
def test_float_functions_are_exact_to_3e_7(
    function: Function, exact: Function, ends: tuple[float, float]
) -> None:
    low, high = ends
    rng = np.random.default_rng(9)
    x = np.concatenate(
        [
            rng.uniform(low, high, 20000),
            rng.uniform(max(low, -2), 2, 20000),
            10.0 ** rng.uniform(-30, 0, 2000),
        ]
    )
    x = x.astype(np.float32)
    with np.errstate(divide="ignore"):
        reference = exact(x.astype(np.float64))
    error = np.abs(function(x) - reference) / np.maximum(np.abs(reference), 1.2e-38)
    assert error.max() <= 3e-7


@pytest.mark.parametrize(
    ("function", "values"),
    [
        (
            pointwise_twin.ek_exp_f32,
            {0.0: 1.0, math.inf: math.inf, -math.inf: 0.0, 89.0: math.inf, -88.0: 0.0},
        ),
        (
            pointwise_twin.ek_log_f32,
            {1.0: 0.0, 0.0: -math.inf, math.inf: math.inf, -1.0: math.nan, -math.inf: math.nan},
        ),
        (pointwise_twin.ek_sqrt_f32, {0.0: 0.0, 4.0: 2.0, math.inf: math.inf, -1.0: math.nan}),
        (pointwise_twin.ek_sigmoid_f32, {0.0: 0.5, math.inf: 1.0, -math.inf: 0.0}),
        (pointwise_twin.ek_tanh_f32, {0.0: 0.0, math.inf: 1.0, -math.inf: -1.0, 20.0: 1.0}),
        (pointwise_twin.ek_erf_f32, {0.0: 0.0, math.inf: 1.0, -math.inf: -1.0, 4.5: 1.0}),
    ],
)
def test_float_functions_at_the_borders(function: Function, values: dict[float, float]) -> None:
    x = np.array([*values, math.nan], np.float32)
    np.testing.assert_array_equal(function(x), np.array([*values.values(), math.nan], np.float32))
