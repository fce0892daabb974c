"""Step tables of variance-preserving samplers: one function each, from its paper's formula to rows.

All of them write eps in terms of x and x0, ``eps = (x - sqrt(ab) x0) / sqrt(1 - ab)``, so a clipped or corrected x0
acts on the whole step. A row needs the network's output only for x0.
"""

from dataclasses import replace
from typing import Protocol

import numpy as np

from edgekit.base.arrays import Float64, Int64
from edgekit.base.errors import Problem
from edgekit.base.sampler_table import CHOICES, COLUMNS, FIRST, Roles, StepTable
from edgekit.export.diffusion.discrete import Discrete
from edgekit.export.diffusion.schedule import timesteps
from edgekit.export.diffusion.start_and_noise import START


class GuidanceInputs(Protocol):
    """A description with guidance: the network's inputs, and the weight w."""

    @property
    def roles(self) -> Roles:
        """Roles, with `null` if a row has two calls."""

    @property
    def guidance(self) -> float:
        """Weight w; 1 means no guidance."""


PREDICTIONS = ("eps", "v", "x0", "score")
ENCODE = "ddim-encode"
VARIANCES = ("small", "large")  # beta~ and beta of Ho et al. (2020), section 3.2


def estimate(prediction: str, ab: Float64) -> tuple[Float64, Float64]:
    """Return (u, v) of ``x0 = u x + v e`` for each cumulative product.

    v-prediction is that of Salimans and Ho (2022), ``v = sqrt(ab) eps - sqrt(1 - ab) x0``; the score is
    ``-eps / sqrt(1 - ab)``.
    """
    alpha, sigma = np.sqrt(ab), np.sqrt(1 - ab)
    if prediction == "eps":
        return 1 / alpha, -sigma / alpha
    if prediction == "v":
        return alpha, -sigma
    if prediction == "score":
        return 1 / alpha, sigma**2 / alpha
    return np.zeros_like(ab), np.ones_like(ab)


def guidance_columns(weights: Float64, sampler: "GuidanceInputs") -> Float64:
    """Return the columns of the outputs of a row's calls, from those of one call (rows, outputs).

    Two calls under classifier-free guidance, ``e = e_null + w (e_cond - e_null)``, Ho and Salimans (2022); the
    conditional one comes first.
    """
    if not sampler.roles.null:
        return weights
    w = sampler.guidance
    return np.concatenate([w * weights, (1 - w) * weights], axis=1)


def guidance_problems(sampler: "GuidanceInputs") -> list[Problem]:
    """Return a problem if guidance lacks the value of a condition in the unconditional call."""
    if sampler.guidance == 1 or sampler.roles.null:
        return []
    found = f"{sampler.guidance} without roles.null"
    allowed = "the value of a condition in the unconditional call, as null = { label = 10 }"
    return [Problem("sampler, guidance", found, allowed, "give it, or leave guidance out")]


def visited_steps(sampler: Discrete) -> tuple[Int64, Float64, Float64]:
    """Return the training steps, their cumulative products, and those of the steps that follow.

    Times fall, and the last product is 1, an image's. Of kind ``ddim-encode`` they rise, and the last is the time at
    which the rows end, where the network is not called.
    """
    total = sampler.schedule.timesteps
    times = np.array(sampler.timesteps, np.int64)
    if sampler.kind == ENCODE:
        if not sampler.timesteps:
            times = timesteps(sampler.spacing, total, sampler.steps + 1)[::-1]
        ab = sampler.schedule.ab[times]
        return times[:-1], ab[:-1], ab[1:]
    if not sampler.timesteps:
        times = timesteps(sampler.spacing, total, sampler.steps)
    ab = sampler.schedule.ab[times]
    return times, ab, np.append(ab[1:], 1.0)


def _table(sampler: Discrete, times: Int64, ab: Float64, **columns: Float64) -> StepTable:
    u, v = estimate(sampler.prediction, ab)
    outputs = guidance_columns(v[:, None], sampler)
    columns = {"u": u, "v": outputs, **columns}
    return StepTable.of(times, outputs.shape[1], sampler.roles, columns, clip=sampler.clip)


def ddim(sampler: Discrete) -> StepTable:
    """Song, Meng and Ermon (2021), equation 12.

    ``x_s = sqrt(ab_s) x0 + sqrt(1 - ab_s - c^2) eps + c z``,
    ``c = eta sqrt((1 - ab_s) / (1 - ab_t) (1 - ab_t / ab_s))``.
    """
    times, ab, ab_s = visited_steps(sampler)
    noise = sampler.eta * np.sqrt((1 - ab_s) / (1 - ab) * np.maximum(0, 1 - ab / ab_s))
    direction = np.sqrt(np.maximum(0, 1 - ab_s - noise**2)) / np.sqrt(1 - ab)
    return _table(
        sampler, times, ab, a=direction, b=np.sqrt(ab_s) - direction * np.sqrt(ab), s=noise
    )


def ddim_encode(sampler: Discrete) -> StepTable:
    """Return the table of the same equation with eta 0 and rising times, from an image to the noise of `ddim`.

    ``x_t = sqrt(ab_t) x0(x_s) + sqrt(1 - ab_t) eps(x_s)``. The start is the image, which counts as x of the first time.
    """
    roles = replace(sampler.roles, start=sampler.roles.start or START)
    return ddim(sampler).with_(start_noise=0.0, start_scale=1.0, roles=roles)


def ddpm(sampler: Discrete) -> StepTable:
    """Ho, Jain and Abbeel (2020), equation 7: the posterior's mean, and its variance ``beta~``, or ``beta``.

    With the larger variance the last row draws nothing either, as in their algorithm 2.
    """
    times, ab, ab_s = visited_steps(sampler)
    alpha = ab / ab_s
    variance = (1 - ab_s) / (1 - ab) * (1 - alpha)
    if sampler.variance == "large":
        variance = np.append(1 - alpha[:-1], 0.0)
    return _table(
        sampler,
        times,
        ab,
        a=np.sqrt(alpha) * (1 - ab_s) / (1 - ab),
        b=np.sqrt(ab_s) * (1 - alpha) / (1 - ab),
        s=np.sqrt(variance),
    )


def dpm_solver(sampler: Discrete) -> StepTable:
    """DPM-Solver++(2M), Lu et al. (2022), algorithm 2; the first and the last step are of first order.

    ``x_s = sigma_s / sigma_t x - alpha_s (e^-h - 1) ((1 + 1 / 2r) x0 - prev / 2r)``, h the step in
    ``lambda = log(alpha / sigma)``, r the step before over it.
    """
    times, ab, ab_s = visited_steps(sampler)
    sigma_s, sigma = np.sqrt(1 - ab_s), np.sqrt(1 - ab)
    with np.errstate(divide="ignore"):
        log_snr = np.append(0.5 * np.log(ab / (1 - ab)), np.inf)
    h = np.diff(log_snr)
    gain = -np.sqrt(ab_s) * np.expm1(-h)
    second = np.zeros_like(h)
    second[1:-1] = 0.5 * h[1:-1] / h[:-2]
    return _table(sampler, times, ab, a=sigma_s / sigma, b=gain * (1 + second), h=-gain * second)


def diffuse_vae(sampler: Discrete) -> StepTable:
    """DiffuseVAE, form 2: Pandey et al. (2022), with the reconstruction y of a VAE in every mean.

    ``x_t = sqrt(ab) x0 + y + sqrt(1 - ab) eps``; the posterior's mean gains ``(1 - c2) y``, c2 its weight of
    x_t, and y is subtracted from the last.
    """
    plain = ddpm(sampler)
    ab = visited_steps(sampler)[1]
    u, v = estimate(sampler.prediction, ab)
    c = 1 - plain.a
    c[-1] -= 1
    return plain.with_(u=u, w=-u, v=guidance_columns(v[:, None], sampler), c=c, start_y=1.0)


def one_more_step(table: StepTable, sampler: Discrete) -> StepTable:
    """One More Step, Hu et al. (2024): a first row that draws x_T, by a time-free network (graph `FIRST`).

    ``x0 = -v`` of pure noise, ``x_T = sqrt(ab_T) x0 + sqrt(1 - ab_T) z``: the first time of the sampler, T, is no pure
    noise. The noise level is that of the row that follows, which with uniform spacing is below the schedule's last.
    """
    ab = float(visited_steps(sampler)[1][0])
    return _with_first(table, {"b": np.sqrt(ab), "s": np.sqrt(1 - ab)}, "v", -1.0)


def first_network(table: StepTable) -> StepTable:
    """Add a first row that replaces the start by a network's output, as the NPNet of Golden Noise (Zhou, 2024)."""
    return _with_first(table, {}, "e", 1.0)


def _with_first(table: StepTable, row: dict[str, float], output: str, weight: float) -> StepTable:
    row = {"graph": FIRST, "time": float(table.time[0]), "group": int(table.group[0]), **row}
    added = {
        name: np.insert(getattr(table, name), 0, row.get(name, 0), axis=0)
        for name in (*COLUMNS, *CHOICES, "v", "e", "time")
    }
    added[output][0, 0] = weight
    if table.ab is not None:
        added["ab"] = np.insert(table.ab, 0, table.ab[0])
    return table.with_(**added)
