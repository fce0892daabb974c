"""The extraction network without factors."""

import torch

from edgekit.demos.target_speech.head import RATE
from edgekit.demos.target_speech.network import HOP, OVERLAP, SPEAKER, Extractor


@torch.no_grad()
def test_without_factors_the_sound_comes_back_and_nothing_looks_further_ahead() -> None:
    torch.manual_seed(0)
    network = Extractor().eval()
    tone = 0.1 * torch.sin(2 * torch.pi * 1000 / RATE * torch.arange(20 * HOP))
    ears, speaker = torch.stack([tone, -0.5 * tone])[None], torch.rand(2, SPEAKER)
    heard = network(ears, speaker)
    each = torch.cat([network(ears, speaker[i : i + 1]) for i in range(2)])
    torch.testing.assert_close(heard, each, atol=1e-5, rtol=0)
    changed, kept = ears.clone(), 10 * HOP - OVERLAP
    changed[..., 10 * HOP :] = 0
    same = network(changed, speaker)
    torch.testing.assert_close(heard[..., :kept], same[..., :kept], atol=1e-6, rtol=0)
    for leave in network.leave:
        torch.nn.init.zeros_(leave.weight)
        torch.nn.init.zeros_(leave.bias)
    back = network(ears, speaker[:1])[..., HOP:-OVERLAP]
    torch.testing.assert_close(back, ears[..., HOP:-OVERLAP], atol=1e-3, rtol=0)
