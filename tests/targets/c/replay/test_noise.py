"""Noise that counts instructions: seeded, one hop behind another, constants once."""

import numpy as np

from edgekit.runtime.build_folder.manifest import Tensor
from edgekit.targets.c.replay.noise import LEVEL, noise_hops


def test_noise_is_the_same_each_time_and_of_its_level() -> None:
    tensors = [Tensor("x", (1, 400), "float32", "stream"), Tensor("c", (3,), "float32", "constant")]
    found = noise_hops(tensors, 5)
    assert found["x"].shape == (5, 1, 400) and found["c"].shape == (3,)
    assert abs(float(found["x"].std()) / LEVEL - 1) < 0.1
    np.testing.assert_array_equal(found["x"], noise_hops(tensors, 5)["x"])
