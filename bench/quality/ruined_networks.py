"""Networks that w8a8 ruins, drawn by seeds: large gates, channels of unlike ranges, residual chains, attention."""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

WIDTH = 32  # channels of the input
FRAMES, CLIPS = 400, 16  # of the calibration
Example = tuple[nn.Module, tuple[torch.Tensor]]


class TanhGru(nn.Module):
    """A tanh layer and a GRU with large gates, (1, frames, `WIDTH`)."""

    def __init__(self) -> None:
        """Draw the weights."""
        super().__init__()
        self.first, self.out = nn.Linear(WIDTH, 64), nn.Linear(64, 16)
        self.gru = nn.GRU(64, 64, batch_first=True)
        with torch.no_grad():
            self.first.weight.mul_(4)
            self.gru.weight_hh_l0.mul_(3)
            self.gru.weight_ih_l0.mul_(3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (1, frames, 16)."""
        made: torch.Tensor = self.out(self.gru(torch.tanh(self.first(x)))[0])
        return made


class Outliers(nn.Module):
    """A block of a transformer in which three channels are far larger than all others, (1, frames, `WIDTH`)."""

    def __init__(self) -> None:
        """Draw the weights."""
        super().__init__()
        self.first, self.norm = nn.Linear(WIDTH, 64), nn.LayerNorm(64)
        self.up, self.down, self.out = nn.Linear(64, 128), nn.Linear(128, 64), nn.Linear(64, 16)
        with torch.no_grad():
            self.first.bias[:3] += torch.tensor([60.0, -50.0, 40.0])
            self.first.weight[:3] *= 10
            self.norm.weight.mul_(8)
            self.norm.weight[:3] = torch.tensor([0.2, 0.3, 0.2])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (1, frames, 16)."""
        h = self.first(x)
        made: torch.Tensor = self.out(h + self.down(nn.functional.gelu(self.up(self.norm(h)))))
        return made


class TwoLstms(nn.Module):
    """Two LSTM layers with large gates, (1, frames, `WIDTH`)."""

    def __init__(self) -> None:
        """Draw the weights."""
        super().__init__()
        self.lstm = nn.LSTM(WIDTH, 48, num_layers=2, batch_first=True)
        self.out = nn.Linear(48, 8)
        with torch.no_grad():
            for name, weight in self.lstm.named_parameters():
                if "weight" in name:
                    weight.mul_(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (1, frames, 8)."""
        made: torch.Tensor = self.out(self.lstm(x)[0])
        return made


class Block(nn.Module):
    """A residual block of depthwise convolutions whose channels have unlike ranges between two SiLU."""

    def __init__(self, channels: int, dilation: int) -> None:
        """Draw the weights."""
        super().__init__()
        inner = 2 * channels
        self.pad, self.first = 2 * dilation, nn.Conv1d(channels, inner, 1)
        self.depthwise = nn.Conv1d(inner, inner, 3, groups=inner, dilation=dilation)
        self.last = nn.Conv1d(inner, channels, 1)
        with torch.no_grad():
            self.first.weight.mul_(torch.exp(1.8 * torch.randn(inner, 1, 1)))
            self.depthwise.weight.mul_(torch.exp(1.2 * torch.randn(inner, 1, 1)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (1, channels, frames)."""
        y = nn.functional.pad(nn.functional.silu(self.first(x)), (self.pad, 0))
        made: torch.Tensor = x + self.last(nn.functional.silu(self.depthwise(y)))
        return made


class Tcn(nn.Module):
    """Four residual blocks, (1, frames, `WIDTH`)."""

    def __init__(self) -> None:
        """Draw the weights."""
        super().__init__()
        self.first = nn.Conv1d(WIDTH, 32, 1)
        self.blocks = nn.Sequential(*[Block(32, 2**k) for k in range(4)])
        self.out = nn.Conv1d(32, 8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (1, frames, 8)."""
        made: torch.Tensor = self.out(self.blocks(self.first(x.transpose(1, 2)))).transpose(1, 2)
        return made


class Attention(nn.Module):
    """Attention with large scores over the six tokens of a frame, whose channels have unlike ranges."""

    def __init__(self) -> None:
        """Draw the weights."""
        super().__init__()
        self.first, self.out = nn.Linear(WIDTH, 6 * 16), nn.Linear(6 * 16, 8)
        self.query, self.key, self.value = nn.Linear(16, 16), nn.Linear(16, 16), nn.Linear(16, 16)
        with torch.no_grad():
            self.first.weight.mul_(torch.exp(torch.randn(6 * 16, 1)))
            self.query.weight.mul_(6)
            self.key.weight.mul_(6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (1, frames, 8)."""
        tokens = self.first(x).reshape(1, -1, 6, 16)
        scores = self.query(tokens) @ self.key(tokens).transpose(-1, -2) / 4
        mixed = tokens + torch.softmax(scores, -1) @ self.value(tokens)
        made: torch.Tensor = self.out(mixed.reshape(1, -1, 6 * 16))
        return made


RUINED: dict[str, Callable[[], nn.Module]] = {
    "tanh_gru": TanhGru,
    "outliers": Outliers,
    "two_lstms": TwoLstms,
    "tcn": Tcn,
    "attention": Attention,
}


def _example(name: str) -> Example:
    torch.manual_seed(1)
    return RUINED[name]().eval(), (torch.randn(1, 64, WIDTH),)


def tanh_gru() -> Example:
    """Return `TanhGru`."""
    return _example("tanh_gru")


def outliers() -> Example:
    """Return `Outliers`."""
    return _example("outliers")


def two_lstms() -> Example:
    """Return `TwoLstms`."""
    return _example("two_lstms")


def tcn() -> Example:
    """Return `Tcn`."""
    return _example("tcn")


def attention() -> Example:
    """Return `Attention`."""
    return _example("attention")


def clips() -> list[dict[str, np.ndarray]]:
    """Return coloured noise at levels that differ little, {"x": (1, frames, `WIDTH`)} each."""
    made = []
    for seed in range(CLIPS):
        random = np.random.default_rng(seed)
        noise = random.standard_normal((FRAMES, WIDTH))
        for at in range(1, FRAMES):
            noise[at] = 0.8 * noise[at - 1] + 0.6 * noise[at]
        level = np.exp(0.1 * random.standard_normal())
        made.append({"x": (level * noise)[None].astype(np.float32)})
    return made
