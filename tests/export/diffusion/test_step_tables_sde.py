"""Step tables of bridges, residual diffusion, interpolants and their like, against their formulas in float64."""

from dataclasses import replace
from decimal import Decimal, getcontext
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from edgekit.base import sampler_loop
from edgekit.base.errors import UsageError
from edgekit.base.random_normals import normals
from edgekit.base.sampler_loop import Step
from edgekit.base.sampler_table import Arrays, Roles, StepTable
from edgekit.export.diffusion.description import Sampler
from edgekit.export.diffusion.schedule import Schedule, timesteps
from edgekit.export.diffusion.step_tables_sde import Bridge, Interpolant, Ouve, Rddm
from edgekit.red_diff import RedDiff

Floats = NDArray[np.float64]
SHAPE, SEED, N = (2, 3), 7, 4
MEAN = np.array([0.5, -1.0])
COVARIANCE = np.array([[1.0, 0.6], [0.6, 0.8]])


def answers(rows: int, outputs: int = 1) -> Floats:
    return np.random.default_rng(1).standard_normal((rows, outputs, N, *SHAPE))


def degraded() -> Floats:
    return np.random.default_rng(2).standard_normal((N, *SHAPE))


def run(table: StepTable, said: Floats) -> Floats:
    def network(_: Arrays, step: Step) -> list[Floats]:
        return list(said[step.row])

    given = {"y": degraded()} if table.needs_y else {}
    x: Floats = sampler_loop.sample(table, network, SHAPE, N, SEED, given, np.float64)
    return x


def draw(number: int) -> Floats:
    flat = normals(sampler_loop.image_seeds(SEED, 0, N), number, 6)
    return flat.reshape(N, *SHAPE).astype(np.float64)


def equal(found: Floats, expected: Floats) -> bool:
    return bool(np.abs(found - expected).max() < 1e-12 * np.abs(expected).max())


def test_ouve_is_its_predictor_and_corrector() -> None:
    """Richter et al. (2023) as their sampler does it: 60 calls, the last mean."""
    sampler, y = Ouve(), degraded()
    assert abs(float(sampler.std(np.array(1.0))) - 0.388983) < 1e-6
    assert abs(float(sampler.std(np.array(0.03))) - 0.018830) < 1e-6
    table = sampler.table()
    said = answers(table.rows)
    x, row = y + sampler.std(np.ones(1)) * draw(0) / np.sqrt(2), 0
    times = np.linspace(1, 0.03, 30)
    for i, t in enumerate(times):
        dt = 0.03 if i == 29 else t - times[i + 1]
        step = 2 * (0.5 * sampler.std(np.array(t))) ** 2
        x = x - step * said[row, 0] + np.sqrt(2 * step) * draw(1 + row) / np.sqrt(2)
        row += 1
        g = 0.05 * 10**t * np.sqrt(2 * np.log(10))
        mean = x - 1.5 * (y - x) * dt - g**2 * dt * said[row, 0]
        x = mean + g * np.sqrt(dt) * draw(1 + row) / np.sqrt(2)
        row += 1
    assert table.rows == row == 60 and equal(run(table, said), mean)


def test_ouve_by_its_posterior_draws_x_s_of_x_t_and_the_estimate() -> None:
    """The estimate of a preconditioned network (Karras et al., 2022), and q(x_s | x_t, x0, y) as eta has it."""
    for eta in (0.0, 0.7):
        sampler = Ouve(solver="posterior", prediction="preconditioned", steps=6, eta=eta)
        table, said, y = sampler.table(), answers(6), degraded()
        x, times = y + sampler.std(np.ones(1)) * draw(0) / np.sqrt(2), np.linspace(1, 0.03, 6)
        for row, (t, s) in enumerate(zip(times, [*times[1:], 0.0], strict=True)):
            std, std_s = (float(sampler.std(np.array(v))) for v in (t, s))
            sigma = std * np.exp(1.5 * t)
            kept = 0.1**2 / (sigma**2 + 0.1**2) * (x - y) * np.exp(1.5 * t)
            x0 = y + kept + sigma * 0.1 / np.sqrt(sigma**2 + 0.1**2) * said[row, 0]
            mean, mean_s = (y + np.exp(-1.5 * v) * (x0 - y) for v in (t, s))
            mean = mean if row else y  # the start's
            noise = eta * std_s * np.sqrt(1 - np.exp(-3 * (t - s)) * std_s**2 / std**2)
            z = draw(1 + row) / np.sqrt(2)
            x = mean_s + np.sqrt(std_s**2 - noise**2) * (x - mean) / std + noise * z
        assert table.rows == 6 and equal(run(table, said), x0)


def test_ouve_takes_a_preconditioned_network_as_it_takes_its_score() -> None:
    """Both networks state the same x0: the same image, by both solvers."""
    clean, y = 0.3 * degraded(), degraded()

    def network(sampler: Ouve) -> Any:
        def call(inputs: Arrays, step: Step) -> list[Floats]:
            t = np.array(step.time)
            std, shrink = float(sampler.std(t)), np.exp(-1.5 * t)
            score = -(inputs["x"] - y - shrink * (clean - y)) / std**2
            if sampler.prediction == "score":
                return [-score]
            sigma = std / shrink
            kept = 0.1**2 / (sigma**2 + 0.1**2) * (inputs["x"] - y) / shrink
            return [(clean - y - kept) / (sigma * 0.1 / np.sqrt(sigma**2 + 0.1**2))]

        return call

    for solver in ("posterior", "predictor-corrector"):
        samplers = [Ouve(solver=solver, prediction=p, steps=4) for p in ("score", "preconditioned")]
        found = [
            sampler_loop.sample(s.table(), network(s), SHAPE, N, SEED, {"y": y}, np.float64)
            for s in samplers
        ]
        assert equal(found[0], found[1])
        if solver == "posterior":
            assert equal(found[0], clean)


def bridge_formula(sampler: Bridge, said: Floats, first: Floats) -> Floats:
    """Jukic et al. (2024), the ODE or the SDE, from the second step on."""
    times, y, x = np.linspace(1, sampler.t_min, sampler.steps + 1), degraded(), first
    variance = sampler.c * (sampler.k ** (2 * times) - 1) / (2 * np.log(sampler.k))
    for i in range(1, sampler.steps):
        s, tau = np.sqrt(variance[i + 1]), np.sqrt(variance[i])
        sbar, taubar = np.sqrt(variance[0] - s**2), np.sqrt(variance[0] - tau**2)
        x0 = said[i, 0]
        if sampler.stochastic:
            share = 1 - s**2 / tau**2
            x = s**2 / tau**2 * x + share * x0 + s * np.sqrt(share) * draw(1 + i)
        else:
            weight = sbar**2 - taubar * s * sbar / tau
            x = (
                s * sbar / (tau * taubar) * x
                + weight / variance[0] * x0
                + (s**2 - tau * s * sbar / taubar) / variance[0] * y
            )
    return x


def test_the_bridge_is_its_equations_behind_the_first_step() -> None:
    for stochastic in (False, True):
        sampler = Bridge(steps=8, stochastic=stochastic)
        table, said = sampler.table(), answers(8)
        y, z = degraded(), draw(1)
        first = table.a[0] * y + table.b[0] * said[0, 0] + table.c[0] * y + table.s[0] * z
        assert equal(run(table, said), bridge_formula(sampler, said, first))


def test_the_first_step_of_the_bridge_is_the_limit_of_its_formula() -> None:
    """With 60 digits, from 1e-26 below the end: the weights of x and y together, and that of x0."""
    getcontext().prec = 60
    table, t = Bridge(steps=8).table(), 1 + (1e-4 - 1) / 8
    k, c = Decimal("2.6"), Decimal("0.4")

    def variance(time: Decimal) -> Decimal:
        return c * ((2 * time * k.ln()).exp() - 1) / (2 * k.ln())

    whole = variance(Decimal(1))
    s2, t2 = variance(Decimal(t)), variance(1 - Decimal("1e-26"))
    s, tau, sbar, taubar = (v.sqrt() for v in (s2, t2, whole - s2, whole - t2))
    of_x, of_y = s * sbar / (tau * taubar), (s2 - tau * s * sbar / taubar) / whole
    of_x0 = (sbar**2 - taubar * s * sbar / tau) / whole
    assert of_x > 10**9 and of_y < -(10**9)
    assert abs(float(of_x + of_y) - table.c[0]) < 1e-12
    assert abs(float(of_x0) - table.b[0]) < 1e-12 and table.a[0] == 0


@pytest.mark.parametrize("count", [3, 6, 7, 30, 150, 1000])
def test_rddm_is_its_release(count: int) -> None:
    """Liu et al. (2024): times, portions and clips of the released restoration experiments, eta 0 and 1."""
    times = torch.linspace(-1, 999, count + 1).int().tolist()[::-1]
    alphas = np.arange(1, 1001)[::-1] / (0.5 * 1000 * 1001)
    a, b = np.cumsum(alphas), np.sqrt(0.5 * np.cumsum(alphas[::-1]))
    for eta in (0.0, 1.0):
        said, y = answers(count, 2), degraded()
        said[:, 0] = np.clip(said[:, 0], -1, 1)  # as the module does
        x = y + np.sqrt(0.5) * draw(0)
        for row, (t, s) in enumerate(pairwise(times)):
            res, eps = said[row]
            if s < 0:
                x = np.clip(x - a[t] * res - b[t] * eps, -1, 1)
                break
            sig2 = eta * (b[t] ** 2 - b[s] ** 2) * b[s] ** 2 / b[t] ** 2
            x = x - (a[t] - a[s]) * res - (b[t] - np.sqrt(b[s] ** 2 - sig2)) * eps
            x = x + np.sqrt(sig2) * draw(1 + row)
        sampler = Rddm(steps=count, eta=eta, sum_scale=0.5, clip=1.0)
        assert sampler.times().tolist() == times
        assert equal(run(sampler.table(), said), x)


@pytest.mark.parametrize("from_zero", [False, True])
def test_rddm_of_all_its_steps_divides_by_nothing(from_zero: bool) -> None:
    """B_0 is 0 where portions count from 0."""
    with np.errstate(all="raise"):
        sampler = Rddm(timesteps=6, steps=6, eta=1.0, from_zero=from_zero)
        table, (a, b) = sampler.table(), sampler.cumulative()
    assert table.time.tolist() == [5, 4, 3, 2, 1, 0]
    assert abs(a[-1] - 1) < 1e-12 and abs(b[-1] ** 2 - 0.01) < 1e-12
    assert np.allclose(np.diff(a, 2), np.diff(a, 2)[0]) and (b[0] == 0) == from_zero
    assert abs(-table.e[:, 0].sum() - 1) < 1e-12


@pytest.mark.parametrize(
    "sampler",
    [
        Interpolant(steps=5, eps=0.4),
        Rddm(steps=5, eta=0.5, clip=1.0),
        Bridge(steps=5),
        Ouve(steps=3),
    ],
)
def test_guidance_is_a_weighted_difference_of_all_outputs(sampler: Any) -> None:
    """Of kinds that add outputs to x as well: two calls a row, the conditional one first."""
    null = replace(sampler.roles, null={"label": 10})
    table = replace(sampler, guidance=2.5, roles=null).table()
    plain = sampler.table()
    outputs = plain.v.shape[1]
    said = answers(table.rows, 2 * outputs)
    mixed = said[:, outputs:] + 2.5 * (said[:, :outputs] - said[:, outputs:])

    def network(inputs: Arrays, step: Step) -> list[Floats]:
        assert (inputs["label"] == (10 if step.call else np.arange(N))).all()
        return list(said[step.row, step.call * outputs :][:outputs])

    given = {"label": np.arange(N), "y": degraded()}
    x = sampler_loop.sample(table, network, SHAPE, N, SEED, given, np.float64)
    expected = run(plain, mixed)
    assert np.abs(x - expected).max() < 1e-11 * np.abs(expected).max()


def test_interpolants_are_their_equations() -> None:
    for eps in (0.0, 0.7):
        said, x, dt = answers(9), draw(0), 1 / 9
        for row in range(9):
            t, v = row / 9, said[row, 0]
            score = (t * v - x) / (1 - t)
            diffusion = eps * (1 - t)
            x = x + dt * (v + diffusion * score) + np.sqrt(2 * diffusion * dt) * draw(1 + row)
        assert equal(run(Interpolant(steps=9, eps=eps).table(), said), x)


SLOPES: dict[str, Any] = {
    "root": (lambda t: np.sqrt(t * (1 - t)), lambda t: (1 - 2 * t) / (2 * np.sqrt(t * (1 - t)))),
    "product": (lambda t: t * (1 - t), lambda t: 1 - 2 * t),
    "sine": (lambda t: np.sin(np.pi * t) ** 2, lambda t: np.pi * np.sin(2 * np.pi * t)),
}


@pytest.mark.parametrize("gamma", SLOPES)
@pytest.mark.parametrize("eps", [0.0, 0.4])
def test_two_sided_interpolants_go_from_data_to_data(gamma: str, eps: float) -> None:
    """Their equation, and N(-1, 0.5^2) becomes N(0.8, 0.3^2) where the network is exact."""
    sampler = Interpolant(steps=100, eps=eps, gamma=gamma, roles=Roles(y="y"))
    width, slope = SLOPES[gamma]
    y = np.random.default_rng(0).normal(-1, 0.5, (20_000, 1))

    def exact(x: Floats, t: float) -> tuple[Floats, Floats]:
        g, share = width(t), x - (0.8 * t - (1 - t))
        share = share / ((1 - t) ** 2 * 0.25 + t**2 * 0.09 + g**2)
        return 1.8 + (t * 0.09 - (1 - t) * 0.25) * share + slope(t) * g * share, g * share

    def network(inputs: Arrays, step: Step) -> list[Floats]:
        return list(exact(inputs["x"], step.time))

    x = sampler_loop.sample(sampler.table(), network, (1,), len(y), 0, {"y": y}, np.float64)
    assert abs(x.mean() - 0.8) < 0.03 and abs(x.std() - 0.3) < 0.03
    seeds, expected = sampler_loop.image_seeds(0, 0, len(y)), y
    for row in range(100):
        t = max(row, 1) / 100
        drift, z = exact(expected, t)
        expected = expected + drift / 100
        if 0 < row < 99 and eps:
            expected = expected - eps * z / width(t) / 100
            draws = normals(seeds, 1 + row, 1).reshape(-1, 1).astype(np.float64)
            expected = expected + np.sqrt(2 * eps / 100) * draws
    assert equal(x, expected)


def test_an_interpolant_between_data_may_have_no_noise() -> None:
    said, table = answers(4), Interpolant(steps=4, gamma="zero", roles=Roles(y="y")).table()
    assert equal(run(table, said), degraded() + said[:, 0].sum(0) / 4)


def test_diffuse_vae_is_ddpm_around_a_reconstruction() -> None:
    """Pandey et al. (2022), form 2."""
    schedule, y = Schedule("linear"), degraded()
    sampler = Sampler(schedule, "eps", "diffusevae", 10, roles=Roles(y="y"))
    said, ab, x = answers(10), schedule.ab, y + draw(0)
    times = timesteps("uniform", 1000, 10)
    for row, t in enumerate(times):
        s = 1.0 if row == 9 else ab[times[row + 1]]
        x0 = (x - y - np.sqrt(1 - ab[t]) * said[row, 0]) / np.sqrt(ab[t])
        c1 = np.sqrt(s) * (1 - ab[t] / s) / (1 - ab[t])
        c2 = np.sqrt(ab[t] / s) * (1 - s) / (1 - ab[t])
        noise = np.sqrt((1 - s) / (1 - ab[t]) * (1 - ab[t] / s)) * draw(1 + row)
        x = c1 * x0 + c2 * x + (1 - c2) * y + noise
    assert equal(run(sampler.table(), said), x - y)


def test_one_more_step_draws_the_start() -> None:
    plain = Sampler(Schedule("linear"), "v", steps=5)
    sampler = replace(plain, one_more_step=True)
    table, said, ab = sampler.table(), answers(6), plain.schedule.ab
    assert table.graph.tolist() == [2, 0, 0, 0, 0, 0]
    times = timesteps("uniform", 1000, 5)
    x = np.sqrt(ab[times[0]]) * -said[0, 0] + np.sqrt(1 - ab[times[0]]) * draw(1)
    for row, t in enumerate(times, 1):
        s = 1.0 if row == 5 else ab[t - 200]
        eps = np.sqrt(ab[t]) * said[row, 0] + np.sqrt(1 - ab[t]) * x
        x = np.sqrt(s) * (x - np.sqrt(1 - ab[t]) * eps) / np.sqrt(ab[t]) + np.sqrt(1 - s) * eps
    assert equal(run(table, said), x)


@pytest.mark.parametrize("schedule", ["cosine", "scaled_linear"])
@pytest.mark.parametrize("count", [10, 20])
def test_one_more_step_meets_the_moments_of_the_sampler(schedule: str, count: int) -> None:
    """N(0.8, 0.3^2) and exact networks: the start has the noise level of the first row, and so its mean.

    Without it the mean is off by what the start lacks, carried through the rows; the spread is DDIM's own.
    """
    mean, spread, n = 0.8, 0.3, 4096
    plain = Sampler(Schedule(schedule), "v", steps=count)

    def network(inputs: Arrays, step: Step) -> list[Floats]:
        if step.graph == 2:
            return [np.full_like(inputs["x"], -mean)]
        ab, x = plain.schedule.ab[int(step.time)], inputs["x"]
        var = ab * spread**2 + 1 - ab
        x0 = mean + np.sqrt(ab) * spread**2 / var * (x - np.sqrt(ab) * mean)
        return [(np.sqrt(ab) * x - x0) / np.sqrt(1 - ab)]

    def drawn(sampler: Sampler) -> Floats:
        x: Floats = sampler_loop.sample(sampler.table(), network, (1,), n, SEED, dtype=np.float64)
        return x

    table = plain.table()
    slope = (mapped(table, network, 1.0) - mapped(table, network, 0.0)).item()  # of x_T, in x
    found, bare = drawn(replace(plain, one_more_step=True)), drawn(plain)
    ab = plain.schedule.ab[int(table.time[0])]
    three = 3 * slope * np.sqrt(1 - ab) / np.sqrt(n)
    assert abs(found.mean() - mean) < three
    assert abs(found.std() / (slope * np.sqrt(1 - ab)) - 1) < 3 / np.sqrt(2 * n)
    assert abs(bare.mean() - mean) > 2 * abs(found.mean() - mean)


def mapped(table: StepTable, network: Any, start: float) -> Floats:
    """Where the rows take a start; those of one Gaussian number are a line."""
    given = table.with_(start_noise=0.0, start_y=1.0, roles=replace(table.roles, y="start"))
    at = {"start": np.full((1, 1), start)}
    x: Floats = sampler_loop.sample(given, network, (1,), 1, SEED, at, np.float64)
    return x


# -- data with a known answer ------------------------------------------------------------------------


def moments(table: StepTable, network: Any, y: Floats | None = None) -> tuple[Floats, Floats]:
    given = {} if y is None else {"y": np.tile(y, (20_000, 1))}
    x = sampler_loop.sample(table, network, (2,), 20_000, SEED, given, np.float64)
    return x.mean(0), np.cov(x.T)


def errors(table: StepTable, network: Any, y: Floats | None = None) -> float:
    mean, covariance = moments(table, network, y)
    return float(max(np.abs(mean - MEAN).max(), np.abs(covariance - COVARIANCE).max()))


def converges(found: list[float], last: float) -> bool:
    return found[0] > found[1] > found[2] and found[2] < last


@pytest.mark.slow
def test_ouve_converges_to_the_exact_distribution() -> None:
    """A stiff equation towards the data's mean: then the start's distribution is nearly the right one."""

    def network(inputs: Arrays, step: Step) -> list[Floats]:
        shrink = np.exp(-4 * step.time)
        std = float(Ouve(theta=4.0, complex_noise=False).std(np.array(step.time)))
        spread = shrink**2 * COVARIANCE + std**2 * np.eye(2)
        mean = shrink * MEAN + (1 - shrink) * inputs["y"]
        return [(inputs["x"] - mean) @ np.linalg.inv(spread)]  # minus the score

    def sampler(count: int) -> Ouve:
        return Ouve(theta=4.0, steps=count, complex_noise=False, t_min=0.3 / count, snr=0.1)

    found = [errors(sampler(count).table(), network, MEAN) for count in (20, 80, 320)]
    assert converges(found, 0.06), found


def test_rddm_converges_to_the_exact_distribution() -> None:
    y = np.array([0.2, 0.9])

    def network(inputs: Arrays, step: Step) -> list[Floats]:
        a, b = (v[int(step.time)] for v in Rddm(sum_scale=1.0).cumulative())
        keep, x = 1 - a, inputs["x"]
        spread = keep**2 * COVARIANCE + b**2 * np.eye(2)
        gain = keep * COVARIANCE @ np.linalg.inv(spread)
        clean = MEAN + (x - keep * MEAN - a * y) @ gain.T
        return [y - clean, (x - keep * clean - a * y) / max(b, 1e-12)]

    for eta in (0.0, 1.0):
        tables = [Rddm(steps=count, eta=eta, sum_scale=1.0).table() for count in (5, 30, 300)]
        found = [errors(table, network, y) for table in tables]
        assert converges(found, 0.05), (eta, found)


def test_interpolants_converge_to_the_exact_distribution() -> None:
    def network(inputs: Arrays, step: Step) -> list[Floats]:
        t, x = step.time, inputs["x"]
        spread = t**2 * COVARIANCE + (1 - t) ** 2 * np.eye(2)
        residual = (x - t * MEAN) @ np.linalg.inv(spread)
        return [MEAN + t * residual @ COVARIANCE - (1 - t) * residual]

    for eps in (0.0, 1.0):
        found = [
            errors(Interpolant(steps=count, eps=eps).table(), network) for count in (4, 20, 200)
        ]
        assert converges(found, 0.03), (eps, found)


# -- RED-Diff ----------------------------------------------------------------------------------------


def test_red_diff_steps_as_adam_does_on_its_gradient() -> None:
    ab = Schedule("linear").ab[::-100].copy()
    said, y = answers(len(ab)), degraded()[:, :, :2]

    def forward(x: Floats) -> Floats:
        return x[:, :, :2]

    def adjoint(y: Floats) -> Floats:
        return np.pad(y, ((0, 0), (0, 0), (0, 1)))

    solver = RedDiff(ab, np.arange(len(ab)) * 1.0, rate=0.3, weight=2.0)
    found = solver.solve(lambda _, step: [said[step.row, 0]], y, forward, adjoint, adjoint(y), SEED)
    mu = torch.tensor(adjoint(y), requires_grad=True)
    adam = torch.optim.Adam([mu], lr=0.3, betas=(0.9, 0.99))
    for row, bar in enumerate(ab):
        prior = 0.25 * np.sqrt((1 - bar) / bar) * (said[row, 0] - draw(1 + row)) / 6
        misfit = ((torch.tensor(y) - mu[:, :, :2]) ** 2).sum() / 4  # of 4 numbers each
        loss = (torch.tensor(prior) * mu).sum() + 2.0 * misfit / 2
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
    assert equal(found, mu.detach().numpy())


def test_red_diff_finds_what_was_measured_and_fills_in_the_rest() -> None:
    """Of correlated Gaussian data one number is measured: the other follows from the prior."""
    ab = Schedule("linear").ab[::-1].copy()

    def network(inputs: Arrays, step: Step) -> list[Floats]:
        bar = ab[step.row]
        spread = bar * COVARIANCE + (1 - bar) * np.eye(2)
        return [np.sqrt(1 - bar) * (inputs["x"] - np.sqrt(bar) * MEAN) @ np.linalg.inv(spread)]

    y = np.full((50, 1), 2.0)
    solver = RedDiff(ab, np.arange(1000) * 1.0, prior=0.1, weight=1.0, rate=0.05)
    x = solver.solve(
        network, y, lambda x: x[:, :1], lambda y: np.pad(y, ((0, 0), (0, 1))), np.zeros((50, 2)), 0
    )
    likely = MEAN[1] + COVARIANCE[1, 0] / COVARIANCE[0, 0] * (2.0 - MEAN[0])
    assert abs(x[:, 0].mean() - 2.0) < 0.1
    assert abs(x[:, 1].mean() - likely) < 0.2


# -- bad descriptions --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sampler", "said"),
    [
        (Ouve(roles=Roles()), "sampler, roles.y: None"),
        (Ouve(sigma_min=1.0), "sampler, sigma: (1.0, 0.5); allowed: 0 < sigma_min < sigma_max"),
        (Ouve(eta=1.0), "sampler, eta: 1.0; allowed: 0, to 1 of posterior"),
        (Ouve(solver="heun"), "sampler, solver: heun; allowed: predictor-corrector, posterior"),
        (Ouve(prediction="eps"), "sampler, prediction: eps; allowed: score, preconditioned"),
        (Bridge(k=1.0), "sampler, k: 1.0; allowed: above 1"),
        (Rddm(timesteps=10, steps=11), "sampler, steps: 11; allowed: 1 to 10 timesteps"),
        (Rddm(clip=0.0), "sampler, clip: 0.0; allowed: a number above 0, or none"),
        (Interpolant(eps=-1.0), "sampler, eps: -1.0"),
        (Interpolant(gamma="line"), "gamma: line; allowed: none, zero, root, product, sine"),
        (Interpolant(gamma="root"), "sampler, roles.y: None; allowed: where it begins"),
        (Interpolant(gamma="zero", eps=0.5, roles=Roles(y="y")), "sampler, eps: 0.5"),
        (Interpolant(guidance=2.0), "sampler, guidance: 2.0 without roles.null"),
        (Sampler(kind="diffusevae"), "sampler, roles.y: None"),
    ],
)
def test_a_description_that_cannot_be_says_why(sampler: Any, said: str) -> None:
    with pytest.raises(UsageError) as error:
        sampler.table()
    assert said in str(error.value)


def test_red_diff_says_what_does_not_fit() -> None:
    with pytest.raises(UsageError) as error:
        RedDiff(np.ones(3), np.ones(2)).solve(
            lambda *_: [], np.ones((2, 1)), np.copy, np.copy, np.ones((3, 1)), 0
        )
    assert len(error.value.problems) == 2
