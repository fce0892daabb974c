"""The equation of the diffusion buffer: its mean and its deviation."""

import numpy as np
import pytest

from edgekit.demos.stream_diffusion.facts import (
    SIGMA_MAX,
    SIGMA_MIN,
    THETA,
    TIMES,
    mean,
    std,
)


def test_the_deviation_is_that_of_the_equation_step_by_step() -> None:
    """d var = (-2 theta var + g^2) dt, g = sigma_min ratio^t sqrt(2 log ratio), ratio = sigma_max / sigma_min."""
    dt, variance, ratio = 1e-4, 0.0, SIGMA_MAX / SIGMA_MIN
    for t in np.arange(0, 1, dt) + dt / 2:
        g2 = (SIGMA_MIN * ratio**t) ** 2 * 2 * np.log(ratio)
        variance += (g2 - 2 * THETA * variance) * dt
    assert std(np.array([0.0, 1.0])) == pytest.approx([0, variance**0.5], rel=1e-3)


def test_later_frames_hold_more_noise_and_less_of_the_signal() -> None:
    assert (np.diff(std(TIMES)) > 0).all() and (np.diff(mean(TIMES)) < 0).all()
    assert mean(np.zeros(1)) == 1
