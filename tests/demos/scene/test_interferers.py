"""Animals and machines by formula."""

import numpy as np
import pytest

from edgekit.demos.scene import interferers
from edgekit.demos.scene.facts import RATE

MAKERS = ("bark", "bird", "cricket", "motor", "fan", "hammer")


def test_interferers_are_loud_and_differ() -> None:
    random = np.random.default_rng(0)
    sounds = [interferers.interferer(random) for _ in range(12)]
    for sound in sounds:
        assert sound.shape == (4 * RATE,) and sound.dtype == np.float32
        assert np.abs(sound).max() == pytest.approx(0.3, rel=1e-5)
    assert len({sound.tobytes() for sound in sounds}) == len(sounds)


@pytest.mark.parametrize("name", MAKERS)
def test_each_lasts_for_the_whole_time(name: str) -> None:
    """Cries and knocks rest at most 1.2 s, and the last rest may be longer by one sound."""
    sound = getattr(interferers, name)(np.random.default_rng(3))
    loud = np.flatnonzero(np.abs(sound) > 0.05 * np.abs(sound).max())
    edges = np.concatenate([[0], loud, [sound.size]])
    assert np.diff(edges).max() < 1.7 * RATE


def test_noise_ends_at_its_highest_frequency() -> None:
    drawn = interferers.noise(np.random.default_rng(0), RATE, 1000.0)
    power = np.abs(np.fft.rfft(drawn)) ** 2
    assert drawn.std() == pytest.approx(1) and power[1001:].sum() < 1e-9 * power.sum()
