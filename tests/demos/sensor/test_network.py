"""The two networks that find a position."""

import numpy as np
import pytest
import torch

from edgekit.demos.sensor.data import RATE, recordings
from edgekit.demos.sensor.network import KINDS, build, fresh


def test_both_networks_have_as_many_weights() -> None:
    sizes = [sum(part.numel() for part in fresh(kind).parameters()) for kind in KINDS]
    assert max(sizes) < 1.03 * min(sizes)


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_the_trained_networks_know_the_position(kind: str) -> None:
    pads, exact = recordings(np.random.default_rng(11), 4, 60 * RATE)
    found = build(kind)[0](torch.from_numpy(pads)).numpy()
    error = np.square(found - exact)[:, 50:].mean()
    assert error < 0.3 * exact.var()
