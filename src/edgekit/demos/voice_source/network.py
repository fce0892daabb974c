"""The network: speech to a bump at each closure of the vocal folds, 6 ms late.

Frames of 16 samples (1 ms); causal dilated convolutions that see 64 ms; 16 values come back for each frame. It is
dense in time, where the published network (Prathosh et al., arXiv 1903.12248) reads windows of 200 samples that
overlap.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from edgekit.demos.voice_source.closures import HOP
from edgekit.demos.weights import load

WIDTH, KERNEL, GATHER = 40, 3, 64
DILATIONS = (1, 2, 4, 8, 16)
WEIGHTS = Path(__file__).with_name("voice_source.npz")


class Block(nn.Module):
    """A causal dilated convolution, ReLU, a pointwise one, added to the input."""

    def __init__(self, dilation: int) -> None:
        """A block whose taps are ``dilation`` frames apart."""
        super().__init__()
        self.reach = (KERNEL - 1) * dilation
        self.taps = nn.Conv1d(WIDTH, WIDTH, KERNEL, dilation=dilation)
        self.mix = nn.Conv1d(WIDTH, WIDTH, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Features (batch, width, frames) to features of the same shape."""
        y = torch.relu(self.taps(F.pad(x, (self.reach, 0))))
        return torch.as_tensor(x + self.mix(y))


class VoiceSource(nn.Module):
    """PCM to the height of bumps."""

    output_names = ("closure",)

    def __init__(self) -> None:
        """A network with random weights; `build` makes the trained one."""
        super().__init__()
        self.level = nn.Conv1d(1, 1, 4 * GATHER, HOP, bias=False)
        self.gather = nn.Conv1d(1, WIDTH, GATHER, HOP)
        self.blocks = nn.Sequential(*(Block(dilation) for dilation in DILATIONS))
        self.leave = nn.Conv1d(WIDTH, HOP, 1)
        nn.init.constant_(self.level.weight, 1 / (4 * GATHER))
        self.level.requires_grad_(False)

    def logits(self, pcm: Tensor) -> Tensor:
        """Return logits (batch, 1, samples) of PCM (batch, 1, samples)."""
        power = self.level(F.pad(pcm * pcm, (4 * GATHER - HOP, 0)))
        features = self.gather(F.pad(pcm, (GATHER - HOP, 0)))
        # the same at every level of sound: the features over the root mean square of the last 16 ms
        x = torch.relu(features / torch.sqrt(power + 1e-7))
        told = self.leave(self.blocks(x))
        return torch.as_tensor(told.transpose(1, 2).reshape(pcm.shape[0], 1, -1))

    def forward(self, pcm: Tensor) -> Tensor:
        """PCM (batch, 1, samples) in [-1, 1] to heights of bumps (batch, 1, samples), 0 to 1."""
        return torch.sigmoid(self.logits(pcm))


def build() -> tuple[VoiceSource, tuple[Tensor]]:
    """The trained network in eval mode, and an example of 40 frames."""
    network = VoiceSource()
    load(network, WEIGHTS)
    return network.eval(), (0.1 * torch.randn(1, 1, 40 * HOP),)
