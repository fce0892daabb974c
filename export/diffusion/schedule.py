"""Noise schedules of T training steps, and the steps that a sampler visits."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from edgekit.base.arrays import Float64, Int64
from edgekit.base.errors import Problem

KINDS = ("cosine", "linear", "scaled_linear", "given")
SPACINGS = ("uniform", "quad", "trailing", "linspace")
MAX_TIMESTEPS = 1 << 16
COSINE_OFFSET, LARGEST_BETA = 0.008, 0.999  # Nichol and Dhariwal, 2021

Limit = tuple[str, object, bool, str]  # field, value, whether it is allowed, allowed values


def limit_problems(where: str, limits: Iterable[Limit]) -> list[Problem]:
    """Return the problems of all fields with values that are not allowed."""
    return [
        Problem(f"{where}, {name}", str(value), allowed, "correct it")
        for name, value, fits, allowed in limits
        if not fits
    ]


@dataclass(frozen=True)
class Schedule:
    """A discrete variance-preserving schedule: ``x_t = sqrt(ab_t) x0 + sqrt(1 - ab_t) eps``.

    Attributes:
        kind: ``cosine``; ``linear`` in beta; ``scaled_linear`` in sqrt(beta); ``given`` as `alphas_bar`.
        timesteps: T.
        beta_start, beta_end: of the linear kinds.
        alphas_bar: the cumulative products ab_t, of kind ``given``.
    """

    kind: str = "linear"
    timesteps: int = 1000
    beta_start: float = 1e-4
    beta_end: float = 0.02
    alphas_bar: tuple[float, ...] = ()

    @property
    def ab(self) -> Float64:
        """The cumulative products, (timesteps,), from nearly 1 down."""
        if self.kind == "given":
            return np.asarray(self.alphas_bar, np.float64)
        return np.asarray(np.cumprod(1 - self.betas()), np.float64)

    def betas(self) -> Float64:
        """Return the variances that each step adds, (timesteps,)."""
        count, start, end = self.timesteps, self.beta_start, self.beta_end
        if self.kind == "linear":
            return np.asarray(np.linspace(start, end, count), np.float64)
        if self.kind == "scaled_linear":
            return np.square(np.linspace(math.sqrt(start), math.sqrt(end), count))
        place = (np.arange(count + 1) / count + COSINE_OFFSET) / (1 + COSINE_OFFSET)
        bar = np.cos(place * np.pi / 2) ** 2
        return np.asarray(np.minimum(1 - bar[1:] / bar[:-1], LARGEST_BETA), np.float64)

    def problems(self) -> list[Problem]:
        """Return everything that is wrong with the numbers."""
        start, end = self.beta_start, self.beta_end
        limits: list[Limit] = [
            ("kind", f"'{self.kind}'", self.kind in KINDS, ", ".join(KINDS)),
            (
                "timesteps",
                self.timesteps,
                1 <= self.timesteps <= MAX_TIMESTEPS,
                f"1 to {MAX_TIMESTEPS}",
            ),
            ("betas", f"{start} to {end}", 0 < start <= end < 1, "0 < start <= end < 1"),
        ]
        if self.kind == "given":
            limits.append(self._alphas_limit())
        return limit_problems("schedule", limits)

    def _alphas_limit(self) -> Limit:
        bars = np.asarray(self.alphas_bar, np.float64)
        if len(bars) != self.timesteps:
            return "alphas_bar", f"{len(bars)} values", False, f"timesteps = {self.timesteps}"
        falls = len(bars) > 0 and bars[0] <= 1 and bars[-1] > 0 and (np.diff(bars) < 0).all()
        return "alphas_bar", "values that do not fall", bool(falls), "from 1 down to above 0"


def timesteps(spacing: str, total: int, steps: int) -> Int64:
    """Return the training steps that `steps` sampling steps visit, from the noisiest down.

    ``uniform`` is DDIM's (0, T // S, ...), ``quad`` its floor(linspace(0, sqrt(0.8 T), S)^2). ``trailing`` and
    ``linspace`` are those of diffusers, which begin at T - 1.
    """
    if spacing == "uniform":
        ascending = np.arange(steps) * (total // steps)
    elif spacing == "quad":
        ascending = np.floor(np.linspace(0, math.sqrt(0.8 * total), steps) ** 2).astype(np.int64)
    elif spacing == "trailing":
        ascending = np.round(np.arange(total, 0, -total / steps))[::-1].astype(np.int64) - 1
    else:
        ascending = np.round(np.linspace(0, total - 1, steps)).astype(np.int64)
    return ascending[::-1]
