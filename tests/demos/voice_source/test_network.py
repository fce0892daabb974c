"""The network of glottal closures."""

import torch

from edgekit.demos.voice_source.closures import HOP
from edgekit.demos.voice_source.network import build


@torch.no_grad()
def test_the_network_does_not_look_ahead() -> None:
    network, _ = build()
    pcm = 0.1 * torch.randn(1, 1, 60 * HOP)
    told = network(pcm)[..., : 40 * HOP]
    torch.testing.assert_close(told, network(pcm[..., : 40 * HOP]), atol=1e-5, rtol=0)
