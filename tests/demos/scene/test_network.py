"""The network of scenes."""

import torch

from edgekit.demos.scene.facts import BANDS
from edgekit.demos.scene.network import build


@torch.no_grad()
def test_the_network_does_not_look_ahead() -> None:
    network, (example,) = build()
    ears = example + 0.5 * torch.randn(1, 7, BANDS, 50)
    torch.testing.assert_close(network(ears)[:, :30], network(ears[..., :30]), atol=1e-4, rtol=0)
