"""The keyword spotter: a causal network of depthwise separable convolutions over log-mel frames.

16 kHz audio in [-1, 1]; a frame of 32 log-mel bands every 20 ms, each over the last 512 samples. For every frame the
network gives the logit that the keyword ended within the last quarter of a second. No layer looks ahead, and the build
itself decides (``--decide``). `train.py` made the weights.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from edgekit.demos.weights import load

RATE, N_FFT, HOP, BANDS = 16_000, 512, 320, 32
FRONTEND = f"mel:{N_FFT}:{HOP}:hann:{BANDS}:log"
KEYWORD = "okay marimba"
WIDTH, KERNEL = 64, 5
DILATIONS = (1, 2, 4, 8, 12)  # with the first layer they see 117 frames, 2.3 s
CENTRE, SPREAD = -8.0, 5.0  # of log-mel features, about
WEIGHTS = Path(__file__).with_name("wake.npz")


class Separable(nn.Module):
    """A causal depthwise convolution over time and a pointwise one, added to the input."""

    def __init__(self, width: int, dilation: int) -> None:
        """A block of ``width`` channels whose taps are ``dilation`` frames apart."""
        super().__init__()
        self.reach = (KERNEL - 1) * dilation
        self.layers = nn.Sequential(
            nn.Conv1d(width, width, KERNEL, dilation=dilation, groups=width, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Conv1d(width, width, 1, bias=False),
            nn.BatchNorm1d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Features (batch, width, frames) to features of the same shape."""
        return torch.relu(x + self.layers(nn.functional.pad(x, (self.reach, 0))))


class Spotter(nn.Module):
    """Log-mel features to the logit of the keyword."""

    output_names = ("logit",)

    def __init__(self, width: int = WIDTH) -> None:
        """A network with random weights; `build` makes the trained one."""
        super().__init__()
        self.enter = nn.Conv1d(BANDS, width, KERNEL, bias=False)
        self.norm = nn.BatchNorm1d(width)
        self.blocks = nn.Sequential(*(Separable(width, dilation) for dilation in DILATIONS))
        self.score = nn.Conv1d(width, 1, 1)

    def forward(self, mel: Tensor) -> Tensor:
        """Natural logarithms of band powers (batch, 32, frames) to logits (batch, 1, frames)."""
        x = nn.functional.pad((mel - CENTRE) / SPREAD, (KERNEL - 1, 0))
        x = self.blocks(torch.relu(self.norm(self.enter(x))))
        return torch.as_tensor(self.score(x))


def build() -> tuple[Spotter, tuple[Tensor, ...]]:
    """The trained network in eval mode, and example features of one second."""
    network = Spotter()
    load(network, WEIGHTS)
    return network.eval(), (torch.full((1, BANDS, 50), CENTRE),)
