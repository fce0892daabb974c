"""Step tables against their papers' formulas in float64, against diffusers, and on Gaussian data."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit.base import sampler_loop
from edgekit.base.random_normals import normals
from edgekit.base.sampler_loop import Step
from edgekit.base.sampler_table import Arrays, Roles, StepTable
from edgekit.export.diffusion.description import Sampler
from edgekit.export.diffusion.schedule import SPACINGS, Schedule, timesteps
from edgekit.export.diffusion.step_tables import PREDICTIONS

Floats = NDArray[np.float64]
SHAPE, SEED, N = (2, 3), 7, 4
MEAN = np.array([0.5, -1.0])
COVARIANCE = np.array([[1.0, 0.6], [0.6, 0.8]])
COSINE = Schedule("cosine", 1000)


def answers(rows: int, outputs: int = 1) -> Floats:
    """What a network of no meaning says: a table of random outputs (rows, outputs, n, *shape)."""
    return np.random.default_rng(1).standard_normal((rows, outputs, N, *SHAPE))


def run(table: StepTable, said: Floats) -> Floats:
    def network(_: Arrays, step: Step) -> list[Floats]:
        return [said[step.row, step.call]]

    x: Floats = sampler_loop.sample(table, network, SHAPE, N, SEED, dtype=np.float64)
    return x


def draw(number: int) -> Floats:
    """The noise of a draw, in float64: 0 is the start, 1 + row a row's."""
    flat = normals(sampler_loop.image_seeds(SEED, 0, N), number, 6)
    return flat.reshape(N, *SHAPE).astype(np.float64)


def eps_of(prediction: str, x: Floats, e: Floats, ab: float) -> Floats:
    """The noise that a network's answer means."""
    if prediction == "v":
        return np.asarray(np.sqrt(ab) * e + np.sqrt(1 - ab) * x)
    if prediction == "x0":
        return np.asarray((x - np.sqrt(ab) * e) / np.sqrt(1 - ab))
    return np.asarray(-np.sqrt(1 - ab) * e) if prediction == "score" else e


def ddim_formula(sampler: Sampler, said: Floats) -> Floats:
    """Song et al. (2021), equation 12, as it is written there."""
    times = timesteps(sampler.spacing, sampler.schedule.timesteps, sampler.steps)
    ab, x = sampler.schedule.ab, draw(0)
    for row, t in enumerate(times):
        s = 1.0 if row + 1 == len(times) else ab[times[row + 1]]
        eps = eps_of(sampler.prediction, x, said[row, 0], ab[t])
        x0 = (x - np.sqrt(1 - ab[t]) * eps) / np.sqrt(ab[t])
        sigma = sampler.eta * np.sqrt((1 - s) / (1 - ab[t])) * np.sqrt(1 - ab[t] / s)
        x = np.sqrt(s) * x0 + np.sqrt(max(0.0, 1 - s - sigma**2)) * eps + sigma * draw(1 + row)
    return np.asarray(x)


def ddpm_formula(sampler: Sampler, said: Floats) -> Floats:
    """Ho et al. (2020), algorithm 2, with the posterior's variance, or beta."""
    times = timesteps(sampler.spacing, sampler.schedule.timesteps, sampler.steps)
    ab, x = sampler.schedule.ab, draw(0)
    for row, t in enumerate(times):
        s = 1.0 if row + 1 == len(times) else ab[times[row + 1]]
        eps = eps_of(sampler.prediction, x, said[row, 0], ab[t])
        alpha = ab[t] / s
        mean = (x - (1 - alpha) / np.sqrt(1 - ab[t]) * eps) / np.sqrt(alpha)
        variance = (1 - s) / (1 - ab[t]) * (1 - alpha)
        if sampler.variance == "large" and row + 1 < len(times):
            variance = 1 - alpha
        x = mean + np.sqrt(variance) * draw(1 + row)
    return np.asarray(x)


def dpm_solver_formula(sampler: Sampler, said: Floats) -> Floats:
    """Lu et al. (2022), algorithm 2: data prediction, second order, multistep."""
    times = timesteps(sampler.spacing, sampler.schedule.timesteps, sampler.steps)
    ab, x, before, h_before = sampler.schedule.ab, draw(0), None, 0.0
    for row, t in enumerate(times):
        eps = eps_of(sampler.prediction, x, said[row, 0], ab[t])
        x0 = (x - np.sqrt(1 - ab[t]) * eps) / np.sqrt(ab[t])
        if row + 1 == len(times):
            return np.asarray(x0)
        s = ab[times[row + 1]]
        h = 0.5 * np.log(s / (1 - s)) - 0.5 * np.log(ab[t] / (1 - ab[t]))
        r = h_before / h
        d = x0 if before is None else (1 + 1 / (2 * r)) * x0 - 1 / (2 * r) * before
        x = np.sqrt((1 - s) / (1 - ab[t])) * x - np.sqrt(s) * (np.exp(-h) - 1) * d
        before, h_before = x0, h
    raise AssertionError


FORMULAS: dict[str, Callable[[Sampler, Floats], Floats]] = {
    "ddim": ddim_formula,
    "ddpm": ddpm_formula,
    "dpm++2m": dpm_solver_formula,
}


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("kind", FORMULAS)
def test_rows_are_their_papers_formulas(kind: str, prediction: str) -> None:
    for spacing in SPACINGS:
        for eta in (0.0, 0.5, 1.0) if kind == "ddim" else (0.0,):
            schedule = Schedule("linear", 1000)
            sampler = Sampler(schedule, prediction, kind, 12, spacing, eta)
            said = answers(12)
            expected = FORMULAS[kind](sampler, said)
            error = np.abs(run(sampler.table(), said) - expected).max()
            assert error < 1e-12 * np.abs(expected).max(), (spacing, eta)


def test_the_large_variance_is_beta() -> None:
    for spacing in SPACINGS:
        sampler = Sampler(Schedule("linear", 1000), "eps", "ddpm", 12, spacing, variance="large")
        said = answers(12)
        expected = ddpm_formula(sampler, said)
        error = np.abs(run(sampler.table(), said) - expected).max()
        assert error < 1e-12 * np.abs(expected).max(), spacing
    assert (sampler.table().s[:-1] > replace(sampler, variance="small").table().s[:-1]).all()


def test_guidance_is_a_weighted_difference_of_two_calls() -> None:
    sampler = Sampler(COSINE, "v", steps=9, guidance=2.5, roles=Roles(null={"label": 10}))
    said = answers(9, 2)
    mixed = said[:, 1] + 2.5 * (said[:, 0] - said[:, 1])

    def network(inputs: Arrays, step: Step) -> list[Floats]:
        assert (inputs["label"] == (10 if step.call else np.arange(N))).all()
        return [said[step.row, step.call]]

    table = sampler.table()
    labels = {"label": np.arange(N)}
    x = sampler_loop.sample(table, network, SHAPE, N, SEED, labels, dtype=np.float64)
    plain = run(replace(sampler, guidance=1.0, roles=Roles()).table(), mixed[:, None])
    assert np.abs(x - plain).max() < 1e-12 * np.abs(plain).max()


# -- diffusers ---------------------------------------------------------------------------------------


def theirs(kind: str, sampler: Sampler, said: Floats) -> Floats:
    """The same with the scheduler of diffusers, which gets our noise in the place of its own."""
    import torch
    from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler

    spacing = {"uniform": "leading"}.get(sampler.spacing, sampler.spacing)
    prediction = {"eps": "epsilon", "v": "v_prediction", "x0": "sample"}[sampler.prediction]
    clip = {"clip_sample": sampler.clip is not None, "clip_sample_range": sampler.clip or 1.0}
    common = {
        "trained_betas": sampler.schedule.betas(),
        "num_train_timesteps": sampler.schedule.timesteps,
        "prediction_type": prediction,
        "timestep_spacing": spacing,
    }
    scheduler: Any
    if kind == "ddim":
        scheduler = DDIMScheduler(**common, **clip)
    elif kind == "ddpm":
        scheduler = DDPMScheduler(**common, **clip, variance_type=f"fixed_{sampler.variance}")
    else:
        scheduler = DPMSolverMultistepScheduler(**common)
    scheduler.set_timesteps(sampler.steps)
    if not sampler.timesteps:
        assert scheduler.timesteps.tolist() == sampler.table().time.tolist()
    x = torch.from_numpy(draw(0))
    for row, t in enumerate(scheduler.timesteps):
        output, noise = torch.from_numpy(said[row, 0]), torch.from_numpy(draw(1 + row))
        if kind == "ddim":
            x = scheduler.step(
                output, t, x, sampler.eta, use_clipped_model_output=True, variance_noise=noise
            ).prev_sample
        elif kind == "ddpm":
            x = ddpm_step(scheduler, output, t, x, noise)
        else:
            x = scheduler.step(output, t, x).prev_sample
    return np.asarray(x.double().numpy())


def ddpm_step(scheduler: Any, output: Any, t: Any, x: Any, noise: Any) -> Any:
    """One step of their DDPM with given noise: it draws its own through a module's function."""
    from unittest import mock

    with mock.patch("diffusers.schedulers.scheduling_ddpm.randn_tensor", lambda *a, **k: noise):
        return scheduler.step(output, t, x).prev_sample


@pytest.mark.parametrize("prediction", ["eps", "v", "x0"])
@pytest.mark.parametrize(
    ("kind", "spacing", "eta", "clip"),
    [
        ("ddim", "uniform", 0.0, None),
        ("ddim", "trailing", 0.7, None),
        ("ddim", "uniform", 1.0, 1.0),
        ("ddpm", "uniform", 0.0, None),
        ("ddpm", "linspace", 0.0, 1.0),
        ("ddpm large", "uniform", 0.0, 1.0),
        ("dpm++2m", "given", 0.0, None),
    ],
)
def test_diffusers_takes_the_same_steps(
    kind: str, spacing: str, eta: float, clip: float | None, prediction: str
) -> None:
    """Their tables are float32, hence the tolerance."""
    schedule = Schedule("linear", 1000)
    kind, _, variance = kind.partition(" ")
    variance = variance or "small"
    sampler = Sampler(schedule, prediction, kind, 20, "linspace", eta, variance=variance, clip=clip)
    if spacing == "given":  # the steps that theirs takes: linspace over 21, without the last
        visited = tuple(int(t) for t in np.round(np.linspace(0, 999, 21))[:0:-1])
        sampler = replace(sampler, timesteps=visited)
    else:
        sampler = replace(sampler, spacing=spacing)
    said = answers(20)
    expected = theirs(kind, sampler, said)
    assert np.abs(run(sampler.table(), said) - expected).max() < 2e-4 * np.abs(expected).max()


# -- data with a known answer ------------------------------------------------------------------------


def gaussian(sampler: Sampler) -> tuple[Floats, Floats]:
    """Mean and covariance of samples where the network is the exact denoiser of Gaussian data."""
    ab = sampler.schedule.ab

    def network(inputs: Arrays, step: Step) -> list[Floats]:
        bar, x = ab[int(step.time)], inputs["x"]
        spread = bar * COVARIANCE + (1 - bar) * np.eye(2)
        score = -(x - np.sqrt(bar) * MEAN) @ np.linalg.inv(spread)
        eps = -np.sqrt(1 - bar) * score
        x0 = (x - np.sqrt(1 - bar) * eps) / np.sqrt(bar)
        v = np.sqrt(bar) * eps - np.sqrt(1 - bar) * x0
        return [{"eps": eps, "v": v, "x0": x0, "score": score}[sampler.prediction]]

    x = sampler_loop.sample(sampler.table(), network, (2,), 40_000, SEED, dtype=np.float64)
    return x.mean(0), np.cov(x.T)


@pytest.mark.parametrize("kind", ["ddim", "ddpm", "dpm++2m"])
def test_more_steps_come_nearer_to_the_exact_distribution(kind: str) -> None:
    errors = []
    for count in (5, 20, 200):
        mean, covariance = gaussian(Sampler(COSINE, "v", kind, count))
        errors.append((np.abs(mean - MEAN).max(), np.abs(covariance - COVARIANCE).max()))
    assert max(errors[-1]) < 0.03
    assert max(errors[0]) > max(errors[1]) > max(errors[2])


# -- rising rows -------------------------------------------------------------------------------------


def flow_eps(x: Floats, bar: float) -> Floats:
    """The exact network of N(0.8, 0.3^2)."""
    return np.asarray(np.sqrt(1 - bar) * (x - np.sqrt(bar) * 0.8) / (bar * 0.09 + 1 - bar))


def encoding(count: int, **facts: Any) -> tuple[Floats, Floats, Floats, Sampler]:
    """Images, the noise that `count` rows make of them, the images that as many rows and one more give back."""
    encode = Sampler(Schedule("linear"), kind="ddim-encode", steps=count, **facts)
    times = tuple(int(t) for t in encode.timesteps[::-1])
    decode = replace(encode, kind="ddim", steps=count + 1, start="given", timesteps=times)
    ab, x = encode.schedule.ab, np.random.default_rng(0).normal(0.8, 0.3, (20_000, 1))

    def network(inputs: Arrays, step: Step) -> list[Floats]:
        bar = ab[int(step.time)]
        eps = flow_eps(inputs["x"], bar)
        x0 = (inputs["x"] - np.sqrt(1 - bar) * eps) / np.sqrt(bar)
        v = np.sqrt(bar) * eps - np.sqrt(1 - bar) * x0
        said = {"eps": eps, "v": v, "x0": x0, "score": -eps / np.sqrt(1 - bar)}
        return [said[encode.prediction]]

    made = []
    for sampler, start in ((encode, x), (decode, None)):
        given = {"start": made[-1] if start is None else start}
        table = sampler.table()
        made.append(sampler_loop.sample(table, network, (1,), len(x), 0, given, np.float64))
    return x, made[0], made[1], encode


def test_an_image_is_encoded_to_the_noise_of_the_exact_flow() -> None:
    """Of first order in the number of steps, as the decoding of it; the noise is too small."""
    found = []
    for count in (50, 100, 200, 400):
        x, noise, again, sampler = encoding(count, spacing="linspace")
        table, first, last = sampler.table(), *sampler.schedule.ab[[0, 999]]
        assert (
            table.rows == count and list(table.time[:1]) == [0] and (np.diff(table.time) > 0).all()
        )
        spread = np.sqrt((last * 0.09 + 1 - last) / (first * 0.09 + 1 - first))
        exact = np.sqrt(last) * 0.8 + spread * (x - np.sqrt(first) * 0.8)
        found.append([np.sqrt(np.mean(e**2)) for e in (noise - exact, again - x)] + [noise.std()])
    rms, back, spreads = zip(*found, strict=True)
    assert np.allclose(rms, [0.083, 0.042, 0.021, 0.011], atol=0.001)
    assert np.allclose(back, [0.049, 0.026, 0.013, 0.007], atol=0.0015)
    assert np.allclose(spreads, [0.914, 0.955, 0.976, 0.986], atol=0.003)


def test_the_rows_that_rise_are_those_that_fall_with_both_levels_exchanged() -> None:
    times = (3, 40, 200, 555, 900)
    for prediction in PREDICTIONS:
        x, noise, _, sampler = encoding(4, prediction=prediction, timesteps=times)
        ab, expected = sampler.schedule.ab, x
        for s, t in pairwise(times):
            eps = flow_eps(expected, ab[s])
            x0 = (expected - np.sqrt(1 - ab[s]) * eps) / np.sqrt(ab[s])
            expected = np.sqrt(ab[t]) * x0 + np.sqrt(1 - ab[t]) * eps
        assert np.abs(noise - expected).max() < 1e-11


# -- bad descriptions --------------------------------------------------------------------------------

RISING = Sampler(COSINE, kind="ddim-encode", steps=2)
