"""Frames with and without a period."""

import numpy as np
import pytest

from edgekit.demos.instrument.periodicity import (
    HOP,
    LATE,
    RATE,
    clearly_voiced,
    correlations,
    unvoiced_percent,
)


def buzz(f0: float, seconds: float) -> np.ndarray:
    turns = f0 * np.arange(int(seconds * RATE)) / RATE
    return (0.1 * sum(np.sin(2 * np.pi * k * turns) / k for k in range(1, 8))).astype(np.float32)


@pytest.mark.parametrize("f0", (70.0, 147.3, 415.5))
def test_a_periodic_sound_is_clearly_voiced(f0: float) -> None:
    assert correlations(buzz(f0, 0.5))[0][20:].min() > 0.95
    assert clearly_voiced(buzz(f0, 0.5))[20:].all()


def test_noise_and_silence_are_not() -> None:
    noise = np.random.default_rng(0).standard_normal(RATE // 2).astype(np.float32)
    assert not clearly_voiced(noise)[20:].any()
    assert not clearly_voiced(np.zeros(RATE // 4, np.float32)).any()


def test_a_hole_in_what_is_played_counts_where_the_voice_is_voiced() -> None:
    voice, played = buzz(150.0, 1.0), np.roll(buzz(200.0, 1.0), LATE * HOP)
    assert unvoiced_percent(voice, played) < 1
    played[RATE // 2 :] = 0.1 * np.random.default_rng(0).standard_normal(RATE // 2)
    assert 40 < unvoiced_percent(voice, played) < 52
