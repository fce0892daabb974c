"""Speech in noise: what is clean, and how clips are mixed."""

import numpy as np
import pytest

from edgekit.demos.denoise import SAMPLE_RATE
from edgekit.demos.denoise_data import (
    CLIP_SAMPLES,
    FFT_SAMPLES,
    Corpus,
    Mixer,
    at_speed,
    is_clean,
    rms,
)


def tone(seconds: float, loud: float = 8000) -> np.ndarray:
    at = np.arange(int(seconds * SAMPLE_RATE))
    return (loud * np.sin(2 * np.pi * 440 / SAMPLE_RATE * at)).astype(np.int16)


@pytest.fixture
def mixer() -> Mixer:
    """Three voices and a noise."""
    voices = {f"{kind}-a": [[tone(1.0)]] for kind in ("asterisk", "flite", "klettres")}
    noise = np.random.default_rng(1).integers(-3000, 3000, 40_000).astype(np.int16)
    return Mixer(Corpus(voices, {"rain": [noise]}), 0)


def test_a_recording_without_pauses_is_not_clean() -> None:
    speech = np.concatenate([tone(0.5), np.zeros(8000, np.int16)])
    assert is_clean(speech, 30.0) and not is_clean(tone(1.0), 30.0)
    assert not is_clean(speech[:4000], 30.0)


def test_a_clip_at_a_speed_has_another_length() -> None:
    clip = tone(1.0)
    assert at_speed(clip, 1.0) is clip
    assert at_speed(clip, 1.25).size == pytest.approx(clip.size / 1.25, abs=2)


def test_a_pair_is_at_its_levels_and_does_not_clip(mixer: Mixer) -> None:
    for _ in range(4):
        noisy, clean = mixer.pair()
        assert noisy.shape == clean.shape == (CLIP_SAMPLES,)
        assert np.abs(noisy).max() <= 0.99 and 10 ** (-66 / 20) < rms(noisy) < 10 ** (-2 / 20)


def test_every_kind_of_noise_is_finite_and_not_silent(mixer: Mixer) -> None:
    for draw in (
        mixer.recorded_noise,
        mixer.coloured_noise,
        mixer.babble,
        mixer.hum,
        mixer.impulses,
    ):
        sound = draw()
        assert sound.shape == (FFT_SAMPLES,) and np.isfinite(sound).all() and rms(sound) > 1e-3


def test_a_batch_depends_on_the_seed_alone(mixer: Mixer) -> None:
    again = Mixer(mixer.corpus, 0)
    assert all(map(np.array_equal, mixer.batch(2), again.batch(2)))
