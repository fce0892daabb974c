"""Closures that agree with the waveform."""

import numpy as np

from edgekit.base.arrays import Float32, Float64
from edgekit.demos.voice_source.closures import RATE
from edgekit.demos.voice_source.consistency import consistent_closures, waveform_lags


def periodic(closed: Float64) -> Float32:
    """A decaying tone from each closure on."""
    time = np.arange(int((closed[-1] + 0.02) * RATE)) / RATE
    out = np.zeros(time.size)
    for instant in closed:
        since = np.maximum(time - instant, 0)
        out += np.exp(-300 * since) * np.sin(2 * np.pi * 700 * since)
    return out.astype(np.float32)


def test_lags_are_the_periods_to_a_fraction_of_a_sample() -> None:
    closed = 0.02 + 0.00613 * np.arange(40)
    found = closed + 2e-4 * np.random.default_rng(0).standard_normal(40)
    lags = waveform_lags(periodic(closed), found)[2:]  # silence lies before the first one
    np.testing.assert_allclose(lags, 0.00613, atol=0.2 / RATE)


def test_jitter_becomes_smaller_and_the_mean_stays() -> None:
    closed = 0.02 + np.cumsum(0.006 + 0.001 * np.sin(np.arange(60) / 9))
    noise = 1e-4 * np.random.default_rng(1).standard_normal(60)
    better, sure = consistent_closures(periodic(closed), closed + noise)
    assert sure.all()
    assert np.diff(better - closed).std() < 0.2 * np.diff(noise).std()
    assert abs((better - closed).mean() - noise.mean()) < 1e-6


def test_noise_has_no_periods() -> None:
    found = 0.02 + 0.007 * np.arange(30)
    pcm = np.random.default_rng(2).standard_normal(int(0.3 * RATE)).astype(np.float32)
    better, sure = consistent_closures(pcm, found)
    assert not sure.any()
    np.testing.assert_allclose(better, found, atol=1e-9)
