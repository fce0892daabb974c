"""The scale-invariant signal-to-noise ratio at two ears."""

import numpy as np

from edgekit.demos.target_speech.ear_scores import si_snr_db
from edgekit.demos.target_speech.head import RATE


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(int(seconds * RATE))).astype(
        np.float32
    )


def test_the_ratio_does_not_see_the_scale() -> None:
    target, other = (np.stack([noise(0.3, seed), noise(0.3, seed + 9)]) for seed in (1, 2))
    assert abs(si_snr_db(target + 0.1 * other, target) - 20) < 0.5
    assert abs(si_snr_db(3 * (target + 0.1 * other), target) - 20) < 0.5
