"""The compressor's formula: a gain for each sample."""

import numpy as np
import pytest

from edgekit.demos.compressor.formula import HOP, RATE, gain_db


def test_the_formula_is_that_of_each_sample() -> None:
    random = np.random.default_rng(1)
    pcm = random.uniform(-1, 1, (2, 3 * HOP))
    knobs = random.uniform([-30, 1, 1, 1], [0, 5, 40, 40], (2, 3, 4)).transpose(0, 2, 1)
    found = gain_db(pcm, knobs)
    for clip in range(2):
        gain = 0.0
        for n, x in enumerate(pcm[clip]):
            threshold, ratio, attack, release = knobs[clip, :, n // HOP]
            level = max(20 * np.log10(abs(x) + 1e-8), -96)
            wanted = threshold + (level - threshold) / ratio - level if level > threshold else 0
            pole = np.exp(-np.log(9) / (RATE * (attack if wanted < gain else release) / 1000))
            gain = pole * gain + (1 - pole) * wanted
            assert found[clip, n] == pytest.approx(gain, abs=1e-9)
