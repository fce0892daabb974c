"""Noise schedules and the training steps that a sampler visits."""

import numpy as np
import pytest

from edgekit.export.diffusion.schedule import Schedule, limit_problems, timesteps


@pytest.mark.parametrize("kind", ["cosine", "linear", "scaled_linear"])
def test_products_fall_from_nearly_1(kind: str) -> None:
    ab = Schedule(kind, 100).ab
    assert ab.shape == (100,) and (np.diff(ab) < 0).all() and 0.99 < ab[0] < 1


def test_linear_betas_have_their_ends() -> None:
    betas = Schedule("linear", 11, 0.1, 0.3).betas()
    np.testing.assert_allclose(betas, np.linspace(0.1, 0.3, 11))
    np.testing.assert_allclose(np.sqrt(Schedule("scaled_linear", 3, 0.01, 0.09).betas())[1], 0.2)


def test_products_that_are_given_must_be_as_many_and_fall() -> None:
    (count,) = Schedule("given", 3, alphas_bar=(0.9, 0.5)).problems()
    assert (count.found, count.allowed) == ("2 values", "timesteps = 3")
    (order,) = Schedule("given", 2, alphas_bar=(0.5, 0.9)).problems()
    assert order.found == "values that do not fall"
    assert not Schedule("given", 2, alphas_bar=(0.9, 0.5)).problems()


def test_the_steps_of_each_spacing() -> None:
    assert timesteps("uniform", 1000, 4).tolist() == [750, 500, 250, 0]
    assert timesteps("trailing", 1000, 4).tolist() == [999, 749, 499, 249]
    assert timesteps("linspace", 1000, 4).tolist() == [999, 666, 333, 0]
    assert timesteps("quad", 1000, 3).tolist() == [800, 200, 0]


def test_only_fields_that_do_not_fit_are_problems() -> None:
    limits = [("eta", 2.0, False, "0 to 1"), ("steps", 3, True, "from 1 up")]
    (problem,) = limit_problems("sampler", limits)
    assert str(problem).startswith("sampler, eta: 2.0; allowed: 0 to 1")
