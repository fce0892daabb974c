"""The network of the keyword spotter."""

import torch

from edgekit.demos.wake.network import BANDS, build


@torch.no_grad()
def test_the_network_does_not_look_ahead() -> None:
    network, _ = build()
    mel = torch.randn(1, BANDS, 40)
    torch.testing.assert_close(network(mel)[..., :25], network(mel[..., :25]), atol=1e-4, rtol=0)
