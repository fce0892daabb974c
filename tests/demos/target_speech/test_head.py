"""Sounds at two ears."""

import numpy as np
import pytest

from edgekit.demos.target_speech.ear_scores import level_difference_db, time_difference_s
from edgekit.demos.target_speech.head import RATE, at_ears


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(int(seconds * RATE))).astype(
        np.float32
    )


@pytest.mark.parametrize("azimuth", [-90.0, -40.0, 0.0, 25.0, 90.0, 155.0])
def test_a_head_delays_and_shades_as_the_formulas_say(azimuth: float) -> None:
    heard = at_ears(noise(0.5), [azimuth])
    side = np.deg2rad(abs((azimuth + 90) % 180 - 90) if abs(azimuth) > 90 else azimuth)
    side = np.sign(azimuth) * abs(side)
    woodworth = 0.0875 / 343 * (side + np.sin(side))
    assert abs(time_difference_s(heard) - woodworth) < 1.6 / RATE  # ears stand at 100 degrees
    assert np.sign(round(level_difference_db(heard), 1)) == -np.sign(azimuth)


def test_a_source_that_moves_passes_its_azimuths() -> None:
    heard = at_ears(noise(1.0), np.linspace(-60, 60, 25).tolist())
    began, ended = heard[:, :3000], heard[:, -3000:]
    assert level_difference_db(began) > 3 and level_difference_db(ended) < -3
