"""Pads that a finger wanders over."""

import numpy as np
import pytest

from edgekit.demos.sensor.data import RATE, one_pole_noise


def test_what_wanders_keeps_its_variance_and_its_pace() -> None:
    drawn = one_pole_noise(np.random.default_rng(0), (400, 60 * RATE), 2.0)
    assert drawn.var() == pytest.approx(1, abs=0.05)
    later = drawn[:, :: 2 * RATE]
    assert (later[:, :-1] * later[:, 1:]).mean() == pytest.approx(np.exp(-1), abs=0.05)
