"""Noise filtered by the magnitudes of each block."""

import numpy as np
from stream_networks import Net, check, delays

from edgekit.export.stream.rules.filtered_noise import gains


def test_blocks_of_late_magnitudes():
    net = Net()
    given = net.add("Softplus", net.conv("controls", 2, 5, 3, left=1, right=1))
    y = net.add("FilteredNoise", "x", given, domain="edgekit", block=12)
    data = net.model([1, 1, "12*T"], y, more={"controls": [1, 2, "T"]})
    for model in check(data, (1, 2)):
        assert delays(model) == [12]


def test_gains_of_magnitudes_are_the_spectrum_of_their_windowed_response():
    magnitudes = np.random.default_rng(0).uniform(0, 2, 5)
    response = np.roll(np.fft.irfft(magnitudes, 8), 4)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(8) / 8)
    centred = np.roll(np.pad(response * window, (0, 24)), -4)
    np.testing.assert_allclose(magnitudes @ gains(5, 32), np.fft.rfft(centred).real, atol=1e-12)
