"""A synthesiser as DDSP's, small and untrained: pitch and loudness to harmonics, filtered noise and a room."""

import torch
from torch import Tensor, nn

from edgekit.export.own_operators.filtered_noise import FilteredNoise
from edgekit.export.own_operators.oscillators import Oscillators
from edgekit.export.own_operators.partitioned_fir import PartitionedFIR

RATE, BLOCK, HARMONICS, BINS, ROOM = 16_000, 64, 8, 17, 800


class Synthesiser(nn.Module):
    """Pitch in Hz and loudness (batch, 1, frames), and noise (batch, 1, frames * BLOCK), -> sound as the noise."""

    def __init__(self) -> None:
        super().__init__()
        self.remember = nn.GRU(2, 24, batch_first=True)
        self.choose = nn.Linear(24, 1 + HARMONICS + BINS)
        self.harmonic = Oscillators(RATE)
        self.breath = FilteredNoise(BLOCK)
        self.room = PartitionedFIR(ROOM)
        fade = torch.exp(-6 * torch.arange(ROOM) / ROOM) * torch.randn(ROOM)
        with torch.no_grad():
            self.room.response[0, 1:] = (fade / fade.norm() / 2)[1:]

    def forward(self, f0: Tensor, loudness: Tensor, z: Tensor) -> Tensor:
        pitch = torch.log2(f0.clamp(min=20) / 440)
        hidden, _ = self.remember(torch.cat([pitch, loudness], 1).transpose(1, 2))
        chosen = torch.sigmoid(self.choose(hidden)).transpose(1, 2)
        level, parts, magnitudes = chosen.split([1, HARMONICS, BINS], 1)
        amplitudes = level * parts / parts.sum(1, keepdim=True)
        held = [one.repeat_interleave(BLOCK, 2) for one in (f0, amplitudes)]
        return self.room(self.harmonic(*held) + self.breath(z, magnitudes / 10))


def synthesiser() -> tuple[nn.Module, tuple[Tensor, ...]]:
    """The factory: 12 frames."""
    torch.manual_seed(0)
    f0 = 200 + 50 * torch.rand(1, 1, 12)
    return Synthesiser(), (f0, torch.rand(1, 1, 12), torch.rand(1, 1, 12 * BLOCK) * 2 - 1)
