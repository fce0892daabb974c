"""The player: a sound of the pitch that it is given."""

import numpy as np
import torch

from edgekit.demos.instrument.listener import HOP, Listener
from edgekit.demos.instrument.player import build
from edgekit.demos.instrument.show import cents


@torch.no_grad()
def test_the_player_plays_the_pitch_that_it_is_given() -> None:
    network, _ = build()
    frames, f0 = 200, 196.0
    given = torch.full((1, 1, frames), f0), torch.full((1, 1, frames), -25.0)
    noise = torch.rand(1, 1, frames * HOP, generator=torch.Generator().manual_seed(1)) * 2 - 1
    pitch, loudness = Listener()(network(*given, noise))
    late = pitch[0, 0, 60:].numpy()
    assert np.median(np.abs(cents(late, np.full(late.size, f0, np.float32)))) < 10
    assert abs(float(loudness[0, 0, 60:].mean()) + 25) < 4
