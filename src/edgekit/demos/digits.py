"""The demo's digit generator: a small U-Net that estimates v of a 28 x 28 digit at a time and of a class.

It has no normalization. Times and labels enter each block on separate paths, so that an export makes a table of
each.
"""

import math
from pathlib import Path

import torch
from torch import Tensor, nn

from edgekit.demos.weights import load

SHAPE = (1, 28, 28)
NULL = 10  # the label that means none
trained = {"prediction": "v", "timesteps": 1000}  # the settings that a sampler must share
WEIGHTS = Path(__file__).with_name("digits.npz")


class Block(nn.Module):
    """Two 3 x 3 convolutions and a shortcut; the time scales and shifts between them, the label shifts."""

    def __init__(self, inputs: int, outputs: int, embedding: int) -> None:
        """Map ``inputs`` channels to ``outputs``; the time comes as ``embedding`` numbers."""
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, 1, 1)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1)
        self.film = nn.Linear(embedding, 2 * outputs)
        self.label = nn.Embedding(NULL + 1, outputs)
        self.shortcut = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)
        self.act = nn.SiLU()
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor, time: Tensor, label: Tensor) -> Tensor:
        """(batch, inputs, height, width), (batch, embedding), (batch,) -> (batch, outputs, height, width)."""
        scale, shift = self.film(time)[:, :, None, None].chunk(2, 1)
        shift = shift + self.label(label)[:, :, None, None]
        h = self.first(self.act(x)) * (1 + scale) + shift
        y: Tensor = self.second(self.act(h)) + self.shortcut(x)
        return y


class Digits(nn.Module):
    """x (batch, 1, 28, 28) in about [-1, 1], t (batch,) in 0..999, label (batch,) int64 in 0..10 -> v like x."""

    def __init__(self, channels: int = 40, embedding: int = 64) -> None:
        """``channels`` at 14 x 14, twice as many at 7 x 7."""
        super().__init__()
        c, e = channels, embedding
        self.frequencies = e // 2
        self.time = nn.Sequential(nn.Linear(e, e), nn.SiLU(), nn.Linear(e, e), nn.SiLU())
        self.first = nn.Conv2d(1, c, 6, 2, 2)
        self.encoder = Block(c, c, e)
        self.down = nn.Conv2d(c, 2 * c, 3, 2, 1)
        self.middle = nn.ModuleList([Block(2 * c, 2 * c, e), Block(2 * c, 2 * c, e)])
        self.up = nn.ConvTranspose2d(2 * c, c, 2, 2)
        self.decoder = nn.ModuleList([Block(2 * c, c, e), Block(c, c, e)])
        self.last = nn.ConvTranspose2d(c, 1, 6, 2, 2)
        self.act = nn.SiLU()

    def forward(self, x: Tensor, t: Tensor, label: Tensor) -> Tensor:
        """Estimate v = sqrt(ab) eps - sqrt(1 - ab) x0."""
        place = torch.exp(-math.log(1e4) * torch.arange(self.frequencies) / self.frequencies)
        angles = t[:, None] * place
        time = self.time(torch.cat([angles.sin(), angles.cos()], 1))
        skip = self.encoder(self.first(x), time, label)
        h = self.down(skip)
        for block in self.middle:
            h = block(h, time, label)
        h = torch.cat([self.up(h), skip], 1)
        for block in self.decoder:
            h = block(h, time, label)
        y: Tensor = self.last(self.act(h))
        return y


def build() -> tuple[nn.Module, dict[str, Tensor]]:
    """Return the trained network and an example, for ``edgekit export edgekit.demos.digits:build``."""
    network = Digits()
    load(network, WEIGHTS)
    example = {
        "x": torch.randn(1, *SHAPE, generator=torch.Generator().manual_seed(0)),
        "t": torch.tensor([500.0]),
        "label": torch.tensor([3]),
    }
    return network.eval(), example
