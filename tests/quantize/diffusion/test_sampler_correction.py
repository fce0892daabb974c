"""The correction of PTQD in the rows of a sampler: an error of the assumed form is undone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diffusion_networks import SAMPLER, tiny_model
from numpy.typing import NDArray

from edgekit.base.errors import UsageError
from edgekit.base.sampler_loop import Network, Step, sample
from edgekit.base.sampler_table import Arrays, StepTable
from edgekit.export.diffusion.description import Sampler, attach
from edgekit.export.diffusion.fold_steps import fold_steps
from edgekit.export.diffusion.step_tables_sde import Ouve
from edgekit.judge.sampling import own_trajectories, with_corrected_rows
from edgekit.quantize.diffusion.sampler_correction import correct_step_table, fit_output
from edgekit.quantize.recipe_file import find_recipe
from edgekit.verbs.export.quantizing import apply_recipe
from edgekit.verbs.export.request import Quantization

SHAPE = (2, 6, 6)
MEAN = np.array([0.03, -0.02], np.float32)[:, None, None]


def exact(inputs: Arrays, _: Step) -> Sequence[NDArray[Any]]:
    return [np.tanh(inputs["x"] * np.float32(0.8))]


def wrong(slope: float, spread: float) -> Network:
    def network(inputs: Arrays, step: Step) -> Sequence[NDArray[Any]]:
        (e,) = exact(inputs, step)
        noise = np.random.default_rng(step.row).standard_normal(e.shape)
        return [(e * (1 + slope) + MEAN + spread * noise).astype(np.float32)]

    return network


def of(**fields: Any) -> StepTable:
    return Sampler(steps=10, **fields).table()


@pytest.mark.parametrize("prediction", ["eps", "v", "x0"])
def test_an_error_of_slope_and_mean_is_undone(prediction: str) -> None:
    table, network = of(prediction=prediction), wrong(0.05, 0.0)
    expected = sample(table, exact, SHAPE, 8, 3)
    before = np.abs(sample(table, network, SHAPE, 8, 3) - expected).max()
    made = correct_step_table(table, exact, network, SHAPE, 16, 1)
    after = np.abs(sample(made, network, SHAPE, 8, 3) - expected).max()
    assert before > 0.02 and after < before / 50
    assert made.digest == table.digest


def test_the_noise_that_is_drawn_shrinks_by_what_the_residual_adds() -> None:
    table = of(eta=1.0)
    made = correct_step_table(table, exact, wrong(0.05, 0.1), SHAPE, 64, 1)
    ab = Sampler(steps=10).schedule.ab[table.time.astype(int)]
    ab_s = np.append(ab[1:], 1.0)
    gain = np.sqrt(1 - ab_s - table.s**2) - np.sqrt(ab_s * (1 - ab) / ab)
    expected = np.sqrt(np.maximum(0, table.s**2 - (gain * 0.1 / 1.05) ** 2))
    np.testing.assert_allclose(made.s, expected, rtol=0.05, atol=1e-3)
    assert np.all(made.s <= table.s) and np.any(made.s < table.s)


def test_a_slope_below_zero_is_left() -> None:
    e = np.random.default_rng(0).standard_normal((4, 2, 5, 5))
    slope, mean, spread = fit_output(e, 0.9 * e + [[[1.0]], [[2.0]]])
    assert slope == 0
    np.testing.assert_allclose(mean, [1, 2], atol=0.05)
    assert spread == pytest.approx(0.1, rel=0.1)


def test_rows_with_outputs_of_their_own_in_x_are_refused() -> None:
    with pytest.raises(UsageError, match="sampler correction"):
        correct_step_table(
            Ouve(steps=3).table(), exact, exact, SHAPE, 1, 0, {"y": np.zeros((1, *SHAPE))}
        )


@pytest.mark.slow
def test_a_recipe_asks_for_it(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text('name = "mine"\nweights = "int8"\nactivations = "int8"\ncorrect_sampler = true')
    model = fold_steps(attach(tiny_model(), SAMPLER))
    calibration = own_trajectories(model, None, 20)
    recipe = Quantization(recipe=find_recipe(str(path)))
    made = apply_recipe(model, calibration, recipe, lambda *_: None).model.sampler
    plain = model.sampler
    assert made is not None and plain is not None
    assert plain.bias is None and made.bias is not None and np.any(made.bias)
    assert np.array_equal(made.time, plain.time) and np.array_equal(made.a, plain.a)
    with pytest.raises(UsageError, match="correct_sampler"):
        with_corrected_rows(tiny_model(), tiny_model())
