"""Alarms by formula."""

import numpy as np

from edgekit.demos.scene.alarms import alarm
from edgekit.demos.scene.facts import RATE


def test_alarms_are_loud_in_their_band_and_differ() -> None:
    random = np.random.default_rng(0)
    sounds = [alarm(random) for _ in range(8)]
    for sound in sounds:
        assert sound.shape == (4 * RATE,) and 0.01 < np.abs(sound).max() <= 0.3
        power = np.abs(np.fft.rfft(sound)) ** 2
        hz = np.fft.rfftfreq(sound.size, 1 / RATE)
        assert power[(hz > 300)].sum() > 0.95 * power.sum()
    assert len({sound.tobytes() for sound in sounds}) == len(sounds)
