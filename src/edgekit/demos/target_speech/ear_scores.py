"""Scores of the output: signal-to-noise ratios, and the direction of a sound."""

import numpy as np

from edgekit.base.arrays import Float32
from edgekit.demos.target_speech.head import RATE

LONGEST_ITD_S = 1e-3

Sound = Float32  # (ears, samples)


def si_snr_db(heard: Sound, target: Sound) -> float:
    """Scale-invariant signal-to-noise ratio, the mean of the ears."""
    return float(np.mean([_si_snr_db(*pair) for pair in zip(heard, target, strict=True)]))


def _si_snr_db(heard: Sound, target: Sound) -> float:
    heard, target = heard - heard.mean(), target - target.mean()
    scaled = target * (float(heard @ target) / (float(target @ target) + 1e-12))
    noise = heard - scaled
    return float(10 * np.log10((scaled @ scaled + 1e-12) / (noise @ noise + 1e-12)))


def level_difference_db(sound: Sound) -> float:
    """Return the level of the left ear over the right, in dB."""
    left, right = np.square(sound, dtype=np.float64).sum(1) + 1e-12
    return float(10 * np.log10(left / right))


def time_difference_s(sound: Sound) -> float:
    """Return the delay of the left ear: the place of the largest magnitude of the cross correlation."""
    size = 2 * sound.shape[1]
    left, right = np.fft.rfft(sound, size)
    across = np.abs(np.fft.irfft(left * right.conj(), size))
    most = round(LONGEST_ITD_S * RATE)
    lags = np.arange(-most, most + 1)
    return float(lags[across[lags].argmax()] / RATE)
