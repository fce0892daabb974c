"""What two lengths tell: loops along time are refused by name, padded lengths are not taken for facts."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from edgekit.base.errors import ModelError
from edgekit.export.stream.convert import stream
from edgekit.export.stream.sources import torch_offline


class Cell(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        state, made = torch.zeros_like(x[:, 0]), []
        for frame in reversed(range(x.shape[1])):
            state = torch.tanh(self.mix(x[:, frame] + state))
            made.append(state)
        return torch.stack(made, 1)


class Looped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.ModuleList([Cell()])

    def forward(self, x: Tensor) -> Tensor:
        return self.body[0](x)


def looped():
    return Looped(), torch.randn(1, 40, 3)


@pytest.mark.slow
def test_a_loop_from_the_end_is_refused_by_the_name_of_its_module(monkeypatch):
    read = []
    offline = torch_offline(f"{__name__}:looped", name="net", time_axes={"x": 1})
    at = offline.at
    object.__setattr__(offline, "at", lambda samples: read.append(samples) or at(samples))
    with pytest.raises(
        ModelError,
        match=r"module 'body\.0.*': a loop or a scan along time: \d+ nodes at 24 samples",
    ):
        stream(offline)
    assert not read  # a run of the module told, before any import


class Padded(nn.Module):
    """Filled up to a length that strides of 4, three times, leave whole, as Demucs does."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(
            nn.Conv1d(1, 2, 8, 4), nn.Conv1d(2, 2, 8, 4), nn.Conv1d(2, 2, 8, 4)
        )
        self.up = nn.Sequential(*(nn.ConvTranspose1d(2, 2, 8, 4) for _ in range(3)))

    def forward(self, x: Tensor) -> Tensor:
        length = frames = x.shape[-1]
        for _ in range(3):
            frames = max(-(-(frames - 8) // 4) + 1, 1)
        for _ in range(3):
            frames = (frames - 1) * 4 + 8
        return self.up(torch.tanh(self.down(F.pad(x, (0, frames - length)))))[..., :length]


def padded():
    return Padded(), torch.randn(1, 1, 100)


@pytest.mark.slow
def test_lengths_that_are_padded_to_the_same_one_tell_no_strides():
    offline = torch_offline(f"{__name__}:padded", name="net", time_axes={"x": 2})
    model = stream(offline)
    assert (model.stream.hop_samples, model.stream.delay_samples) == (64, 128)
