"""A tiny denoiser with random weights: a U-Net of two levels, conditioned on time and label."""

import math

import numpy as np
import torch
from torch import Tensor, nn

from edgekit.base.sampler_table import Roles
from edgekit.export.diffusion.description import Sampler
from edgekit.export.diffusion.schedule import Schedule
from edgekit.graph.model import Model
from edgekit.verbs.export.importing import ImportOptions, load_model

SHAPE = (1, 8, 8)
NULL = 10  # the label that means none
SAMPLER = Sampler(
    Schedule("cosine"), "v", steps=5, guidance=2.0, clip=1.5, roles=Roles(null={"label": NULL})
)


class Block(nn.Module):
    """Two convolutions with FiLM by the time and a shift by the label."""

    def __init__(self, inputs: int, outputs: int, embedding: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, 1, 1)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1)
        self.film = nn.Linear(embedding, 2 * outputs)
        self.label = nn.Embedding(NULL + 1, outputs)
        self.skip = nn.Conv2d(inputs, outputs, 1)
        self.act = nn.SiLU()

    def forward(self, x: Tensor, time: Tensor, label: Tensor) -> Tensor:
        scale, shift = self.film(time)[:, :, None, None].chunk(2, 1)
        shift = shift + self.label(label)[:, :, None, None]
        h = self.first(self.act(x)) * (1 + scale) + shift
        y: Tensor = self.second(self.act(h)) + self.skip(x)
        return y


class TinyUNet(nn.Module):
    """x (1, 1, 8, 8), t (1,), label (1,) -> v (1, 1, 8, 8)."""

    def __init__(self, channels: int = 8, embedding: int = 16) -> None:
        super().__init__()
        torch.manual_seed(0)
        c, e = channels, embedding
        self.time = nn.Sequential(nn.Linear(e, e), nn.SiLU(), nn.Linear(e, e), nn.SiLU())
        self.half = e // 2
        self.first = nn.Conv2d(1, c, 3, 1, 1)
        self.encoder, self.down = Block(c, c, e), nn.Conv2d(c, 2 * c, 3, 2, 1)
        self.middle = Block(2 * c, 2 * c, e)
        self.up, self.decoder = nn.ConvTranspose2d(2 * c, c, 2, 2), Block(2 * c, c, e)
        self.last = nn.Conv2d(c, 1, 3, 1, 1)

    def forward(self, x: Tensor, t: Tensor, label: Tensor) -> Tensor:
        place = torch.exp(-math.log(1e4) * torch.arange(self.half) / self.half)
        angles = t[:, None] * place
        time = self.time(torch.cat([angles.sin(), angles.cos()], 1))
        skip = self.encoder(self.first(x), time, label)
        h = self.middle(self.down(skip), time, label)
        y: Tensor = self.last(self.decoder(torch.cat([self.up(h), skip], 1), time, label))
        return y


def tiny_unet() -> tuple[nn.Module, dict[str, Tensor]]:
    """What ``edgekit export diffusion_networks:tiny_unet`` takes."""
    inputs = {"x": torch.zeros(1, *SHAPE), "t": torch.tensor([3.0]), "label": torch.tensor([1])}
    return TinyUNet().eval(), inputs


class Blind(nn.Module):
    """x (1, 1, 8, 8), label (1,) -> the same: a network of no time, for the first row."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.block, self.last = Block(1, 4, 4), nn.Conv2d(4, 1, 1)
        self.still = nn.Parameter(torch.zeros(1, 4), requires_grad=False)

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        y: Tensor = self.last(self.block(x, self.still, label))
        return y


class Decoder(nn.Module):
    """latent (1, 1, 8, 8) -> a picture (1, 3, 16, 16)."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.up = nn.Sequential(
            nn.ConvTranspose2d(1, 12, 2, 2), nn.SiLU(), nn.Conv2d(12, 3, 3, 1, 1)
        )

    def forward(self, latent: Tensor) -> Tensor:
        y: Tensor = torch.tanh(self.up(latent / 0.18215))
        return y


class Reconstruct(nn.Module):
    """code (1, 4) -> the picture (1, 1, 8, 8) that a VAE makes of it."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.wide, self.out = nn.Linear(4, 32), nn.Linear(32, 64)

    def forward(self, code: Tensor) -> Tensor:
        return torch.tanh(self.out(torch.relu(self.wide(code)))).reshape(1, 1, 8, 8)


def blind() -> tuple[nn.Module, dict[str, Tensor]]:
    """For ``networks.first``."""
    return Blind().eval(), {"x": torch.zeros(1, *SHAPE), "label": torch.tensor([1])}


def decoder() -> tuple[nn.Module, dict[str, Tensor]]:
    """For ``networks.last``."""
    return Decoder().eval(), {"latent": torch.zeros(1, *SHAPE)}


def reconstruct() -> tuple[nn.Module, dict[str, Tensor]]:
    """For ``networks.y``."""
    torch.manual_seed(4)
    return Reconstruct().eval(), {"code": torch.randn(1, 4)}


def tiny_model() -> Model:
    """The same imported, without a sampler."""
    return load_model("diffusion_networks:tiny_unet", ImportOptions()).network


def labels(n: int) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.int64]]]:
    """Conditions of n images."""
    return {"label": np.arange(n, dtype=np.int64) % NULL}
