"""The listener: pitch and loudness of a sound."""

import numpy as np
import pytest
import torch

from edgekit.demos.instrument.listener import RATE, Listener, a_weights
from edgekit.demos.instrument.show import cents


def tone(f0: float, seconds: float, harmonics: int = 8) -> np.ndarray:
    turns = f0 * np.arange(int(seconds * RATE)) / RATE
    parts = [np.sin(2 * np.pi * k * turns) / k for k in range(1, harmonics + 1)]
    return (0.1 * np.sum(parts, 0)).astype(np.float32)


@torch.no_grad()
@pytest.mark.parametrize("f0", [83.0, 147.3, 220.0, 415.5, 880.0])
def test_the_pitch_of_a_tone_is_found(f0: float) -> None:
    pitch, _ = Listener()(torch.from_numpy(tone(f0, 0.4))[None, None])
    off = cents(pitch[0, 0, 20:].numpy(), np.full(pitch.shape[2] - 20, f0, np.float32))
    assert np.abs(off).max() < 10


@torch.no_grad()
def test_noise_and_silence_have_no_pitch() -> None:
    noise = 0.1 * torch.randn(1, 1, RATE // 2, generator=torch.Generator().manual_seed(0))
    assert float((Listener()(noise)[0] > 0).float().mean()) < 0.05
    assert not Listener()(torch.zeros(1, 1, RATE // 4))[0].any()


def test_loudness_is_weighted_as_the_standard_says() -> None:
    bins = RATE // 2 // 50 + 1
    gains_db = 10 * np.log10(a_weights(bins).numpy()[[2, 20, 80]])
    np.testing.assert_allclose(gains_db, [-19.1, 0.0, 1.0], atol=0.2)  # of 100, 1000 and 4000 Hz
