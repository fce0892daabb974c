"""Noise in ONNX has the numbers of the reference, bit for bit, and goes on where it was."""

import numpy as np
import pytest
from own_functions import run_own_operator

from edgekit.base.random_normals import noise
from edgekit.graph.noises import OPERATORS


@pytest.mark.parametrize("distribution", sorted(OPERATORS))
def test_calls_give_one_sequence(distribution: str) -> None:
    state, drawn = np.zeros(8, np.float32), []
    for _ in range(3):
        z, state = run_own_operator(
            OPERATORS[distribution], {"state": state}, {"z": (10,), "next": (8,)}, port=1, count=10
        )
        drawn.append(z)
    np.testing.assert_array_equal(np.concatenate(drawn), noise(distribution, 0, 0, 30, 1))
