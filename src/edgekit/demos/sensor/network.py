"""Two networks of about as many weights: a hierarchy of rates (HiSS), and state-space layers at one rate.

The hierarchy (Bhirangi et al., ICML 2024) reads chunks of 10 samples, each from a state of zero. It keeps the output of
its low level at their end, and has memory only at the rate of the chunks. The flat network has memory at the rate of
the samples, and every tenth of its outputs is a label. Layers are S4D: LayerNorm, `DiagonalSSM`, GELU, a gated mixing
of channels, residual. `train.py` made the weights of both.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from edgekit.demos.sensor.data import AXES, CHUNK, PADS
from edgekit.demos.weights import load
from edgekit.export.own_operators.ssm import DiagonalSSM

HERE = Path(__file__).parent
STATES = 8
LOW, HIGH, HIGH_LAYERS = 16, 32, 2
FLAT, FLAT_LAYERS = 28, 3
KINDS = ("hierarchy", "flat")


class Layer(nn.Module):
    """A state-space layer over time and a gated mixing of channels, added to the input."""

    dropout = 0.0  # in a training

    def __init__(self, width: int, states: int = STATES) -> None:
        """Make a layer of ``width`` channels, each with a number of complex states."""
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.remember = DiagonalSSM(width, states)
        self.mix = nn.Linear(width, 2 * width)

    def forward(self, x: Tensor) -> Tensor:
        """Features (batch, time, width) to features of the same shape."""
        y = F.gelu(self.remember(self.norm(x).transpose(1, 2)).transpose(1, 2))
        y = F.dropout(y, self.dropout) if self.training else y
        return torch.as_tensor(x + F.glu(self.mix(y), -1))


class Hierarchy(nn.Module):
    """Samples to labels by way of chunks."""

    output_names = ("position",)

    def __init__(self) -> None:
        """A network with random weights; `build` makes the trained one."""
        super().__init__()
        self.enter = nn.Linear(PADS, LOW)
        self.low = Layer(LOW)
        self.between = nn.Linear(LOW, HIGH)
        self.high = nn.Sequential(*(Layer(HIGH) for _ in range(HIGH_LAYERS)))
        self.leave = nn.Linear(HIGH, AXES)

    def forward(self, pads: Tensor) -> Tensor:
        """Pads (batch, time, 4) to positions (batch, time / 10, 2)."""
        chunks = self.low(self.enter(pads).reshape(-1, CHUNK, LOW))[:, -1]
        x = self.between(chunks.reshape(pads.shape[0], -1, LOW))
        return torch.as_tensor(self.leave(self.high(x)))


class Flat(nn.Module):
    """Samples to labels at the rate of the samples."""

    output_names = ("position",)

    def __init__(self) -> None:
        """A network with random weights; `build` makes the trained one."""
        super().__init__()
        self.enter = nn.Linear(PADS, FLAT)
        self.layers = nn.Sequential(*(Layer(FLAT) for _ in range(FLAT_LAYERS)))
        self.leave = nn.Linear(FLAT, AXES)

    def forward(self, pads: Tensor) -> Tensor:
        """Run as `Hierarchy`."""
        x = self.layers(self.enter(pads))[:, CHUNK - 1 :: CHUNK]
        return torch.as_tensor(self.leave(x))


def fresh(kind: str) -> Hierarchy | Flat:
    """A network of `KINDS` with random weights."""
    return Hierarchy() if kind == "hierarchy" else Flat()


def weights_of(kind: str) -> Path:
    """Return the path of the trained weights of a network of `KINDS`."""
    return HERE / f"{kind}.npz"


def build(kind: str = "hierarchy") -> tuple[nn.Module, tuple[Tensor]]:
    """A trained network in eval mode, and example samples of six chunks."""
    network = fresh(kind)
    load(network, weights_of(kind))
    return network.eval(), (torch.randn(1, 6 * CHUNK, PADS),)
