"""Rounding that fits weights to their inputs: never worse by its own measure, better by the network's output."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rounding_networks import FITTED

from edgekit.quantize.recipe import CHOICES, MEASURED, SHAPED
from edgekit.quantize.rounding.rounding import ROUNDINGS, Layer, best_weights, with_gain


def layer(seed: int, inputs: int, outputs: int, limit: int = 7) -> Layer:
    """Random weights on inputs that depend on each other."""
    random = np.random.default_rng(seed)
    x = random.standard_normal((200, inputs)) @ random.standard_normal((inputs, inputs))
    weights, moments = best_weights(random.standard_normal((outputs, inputs)), x.T @ x, x.T @ x)
    return Layer(weights, moments, limit, np.zeros(outputs))


def loss(case: Layer, rounding: str) -> np.ndarray:
    q, scales = ROUNDINGS[rounding](case)
    assert np.array_equal(q, np.rint(q))
    assert np.abs(q).max() <= case.limit
    assert (scales > 0).all()
    assert np.array_equal(scales, scales.astype(np.float32))
    return case.errors(q, scales)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 999), st.integers(1, 20), st.integers(1, 12), st.sampled_from([7, 127]))
def test_fitted_weights_lose_no_more_than_rounded_ones(seed, inputs, outputs, limit) -> None:
    case = layer(seed, inputs, outputs, limit)
    plain = loss(case, "nearest")
    assert (loss(case, "adaround") <= plain * (1 + 1e-9)).all()
    assert loss(case, "gptq").sum() <= plain.sum() * 1.2


@pytest.mark.parametrize("rounding", FITTED)
def test_inputs_that_depend_on_each_other_are_made_use_of(rounding: str) -> None:
    case = layer(1, 32, 24)
    assert loss(case, rounding).sum() < 0.8 * loss(case, "nearest").sum()


def test_gptq_finds_the_best_of_all_integers_of_a_small_layer() -> None:
    case = layer(3, 3, 1)
    q, scales = ROUNDINGS["gptq"](case)
    steps = np.arange(-7, 8)
    grid = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), -1).reshape(-1, 3)
    off = scales[0] * grid - case.target[0]
    best = np.einsum("nk,kl,nl->n", off, case.moments, off).min()
    assert case.errors(q, scales)[0] <= 1.5 * best


@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_dead_inputs_and_dead_outputs_do_no_harm(rounding: str) -> None:
    moments = np.diag([0.0, 1.0, 4.0])
    rows = np.array([[0.5, -1.0, 2.0], [0.0, 0.0, 0.0]])
    target, damped = best_weights(rows, moments, moments)
    q, scales = ROUNDINGS[rounding](Layer(target, damped, 7, np.zeros(2)))
    assert np.isfinite(scales).all()
    assert not q[1].any()


def test_recipes_know_every_rounding() -> None:
    assert set(CHOICES["rounding"]) == {*ROUNDINGS, SHAPED, MEASURED}


def test_weights_pulled_without_end_stay_what_they_are() -> None:
    random = np.random.default_rng(0)
    x, rows = random.standard_normal((50, 6)), random.standard_normal((3, 6))
    off = x + 0.5 * random.standard_normal(x.shape)
    made, damped = best_weights(rows, off.T @ off, off.T @ x, np.inf)
    shrunk, same = best_weights(rows, off.T @ off, off.T @ x)
    assert np.array_equal(made, rows) and np.array_equal(damped, same)
    assert np.linalg.norm(shrunk) < 0.95 * np.linalg.norm(rows)


def test_an_output_s_gain_is_kept() -> None:
    """What integers make of other inputs follows the float output one to one; the rest does not depend on it."""
    random = np.random.default_rng(0)
    x = random.standard_normal((4000, 24)) @ random.standard_normal((24, 24))
    seen, weights = 0.9 * x + 0.3 * random.standard_normal(x.shape), layer(2, 24, 6).target
    weights[5] = 0
    own, cross, real = seen.T @ seen, seen.T @ x, x.T @ x
    q, scales = ROUNDINGS["gptq"](Layer(weights, own, 7, np.zeros(6)))
    made = with_gain(weights, q, scales, cross, real)

    def slopes(scales: np.ndarray) -> np.ndarray:
        y, found = x @ weights[:5].T, seen @ (scales[:5, None] * q[:5]).T
        return np.asarray((y * found).sum(0) / (y * y).sum(0))

    assert (slopes(scales) < 0.93).all()
    np.testing.assert_allclose(slopes(made), 1, rtol=1e-6)
    assert made[5] == scales[5] > 0
    lost = with_gain(weights, q, 0.1 * scales, cross, real)
    assert np.array_equal(lost, (0.1 * scales).astype(np.float32))
