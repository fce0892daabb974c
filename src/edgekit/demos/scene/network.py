"""The network: features of four channels to a vector for each class: its length is activity, its angle direction.

16 kHz audio W, Y, Z, X. A frame every 20 ms has log-mel bands of the four channels and the intensity vector in each
band (`edgekit.frontend`). Convolutions over bands and past frames and a GRU over time give three numbers a class in
each frame. They are activity times direction (ACCDOA: Shimada et al., ICASSP 2021). It is the causal form of DCASE
2021's baseline (Adavanne et al.), smaller. It is 100 ms late, in place of 20 ms of lookahead and labels of 100 ms.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from edgekit.demos.scene.facts import BANDS, CLASSES
from edgekit.demos.weights import load

FEATURES = 7
WIDTH, MEMORY = 32, 96
POOLED = (4, 4)  # bands that are merged, after the first layers
CENTRE, SPREAD = -8.0, 5.0  # of log-mel features, about
WEIGHTS = Path(__file__).with_name("scene.npz")


class Layer(nn.Module):
    """A 3 x 3 convolution over bands and the last frames, BatchNorm, ReLU, and the largest of some bands."""

    def __init__(self, entering: int, pooled: int) -> None:
        """A layer that makes one band of ``pooled``."""
        super().__init__()
        self.taps = nn.Conv2d(entering, WIDTH, 3, bias=False)
        self.norm = nn.BatchNorm2d(WIDTH)
        self.pooled = pooled

    def forward(self, x: Tensor) -> Tensor:
        """Features (batch, channels, bands, frames) to (batch, width, bands / pooled, frames)."""
        x = torch.relu(self.norm(self.taps(nn.functional.pad(x, (2, 0, 1, 1)))))
        return nn.functional.max_pool2d(x, (self.pooled, 1)) if self.pooled > 1 else x


class Scene(nn.Module):
    """Features to vectors of classes."""

    output_names = ("vectors",)

    def __init__(self) -> None:
        """A network with random weights; `build` makes the trained one."""
        super().__init__()
        self.layers = nn.Sequential(
            Layer(FEATURES, POOLED[0]), Layer(WIDTH, POOLED[1]), Layer(WIDTH, 1)
        )
        self.memory = nn.GRU(WIDTH * (BANDS // (POOLED[0] * POOLED[1])), MEMORY, batch_first=True)
        self.leave = nn.Linear(MEMORY, 3 * len(CLASSES))

    def forward(self, ears: Tensor) -> Tensor:
        """Features (batch, 7, 48, frames) to vectors X, Y, Z of each class (batch, frames, 12), in [-1, 1]."""
        levels, directions = ears[:, :4], ears[:, 4:]
        x = self.layers(torch.cat([(levels - CENTRE) / SPREAD, directions], 1))
        x, _ = self.memory(x.flatten(1, 2).transpose(1, 2))
        return torch.tanh(self.leave(x))


def build() -> tuple[Scene, tuple[Tensor]]:
    """The trained network in eval mode, and example features of a second."""
    network = Scene()
    load(network, WEIGHTS)
    levels = torch.full((1, 4, BANDS, 50), CENTRE)
    return network.eval(), (torch.cat([levels, torch.zeros(1, 3, BANDS, 50)], 1),)
