"""The player: pitch and loudness to the sound of an instrument, by differentiable signal processing.

A small DDSP (Engel et al., ICLR 2020). For each frame of 64 samples a GRU computes the share of its level for each
harmonic, and the magnitudes of a filter for noise. Oscillators, filtered noise and a room play it. Unlike there, the
level follows the loudness by formula, and the network learns the rest. Amplitudes glide over a frame from the last
ones. `train.py` made the weights.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from edgekit.demos.instrument.listener import HOP, RATE
from edgekit.demos.weights import load
from edgekit.export.own_operators.filtered_noise import FilteredNoise
from edgekit.export.own_operators.oscillators import Oscillators
from edgekit.export.own_operators.partitioned_fir import PartitionedFIR

WIDTH, HARMONICS, BINS, ROOM = 96, 40, 33, 4800
WEIGHTS = Path(__file__).with_name("player.npz")
LOWEST_HZ = 50.0


def positive(x: Tensor) -> Tensor:
    """DDSP's exponentiated sigmoid: 1e-7 to 2, 10 times as much in equal steps."""
    return torch.as_tensor(2 * torch.exp(2.302585093 * F.logsigmoid(x)) + 1e-7)


def hold_pitch(f0: Tensor) -> Tensor:
    """Return the pitch (batch, 1, frames), without one that of the frame before: the sound fades there."""
    before = F.pad(f0, (1, 0))[:, :, :-1]
    return torch.as_tensor(f0 + (f0 == 0).to(f0.dtype) * before)


class Player(nn.Module):
    """Pitch in Hz (0: none), loudness in dB, (batch, 1, frames), noise (batch, 1, samples) to sound as the noise."""

    output_names = ("sound",)
    line: Tensor

    def __init__(self) -> None:
        """A network with random weights; `build` makes the trained one."""
        super().__init__()
        self.remember = nn.GRU(3, WIDTH, batch_first=True)
        self.choose = nn.Linear(WIDTH + 3, 2 + HARMONICS + BINS)
        self.harmonic = Oscillators(RATE)
        self.breath = FilteredNoise(HOP)
        self.room = PartitionedFIR(ROOM)
        rise = torch.arange(1, HOP + 1) / HOP
        self.register_buffer("line", torch.cat([rise, 1 - rise])[None, None], persistent=False)

    def chosen(self, f0: Tensor, loudness: Tensor) -> tuple[Tensor, Tensor]:
        """Amplitudes (batch, harmonics, frames) and magnitudes of noise (batch, bins, frames)."""
        voiced = (f0 > 0).to(f0.dtype)
        pitch = torch.log2(f0.clamp(min=LOWEST_HZ) / 220)
        given = torch.cat([pitch, loudness / 40 + 1, voiced], 1).transpose(1, 2)
        hidden, _ = self.remember(given)
        told = self.choose(torch.cat([hidden, given], -1)).transpose(1, 2)
        gains, parts, magnitudes = told.split([2, HARMONICS, BINS], 1)
        level = torch.exp(2.302585093 / 20 * loudness + gains.clamp(-6, 6))
        harmonic = torch.arange(1, HARMONICS + 1)[None, :, None].to(f0.dtype)
        shares = positive(parts) * (harmonic * f0 < RATE / 2).to(f0.dtype)
        amplitudes = voiced * level[:, :1] * shares / (shares.sum(1, keepdim=True) + 1e-7)
        return amplitudes, level[:, 1:] * positive(magnitudes - 2)

    def glide(self, frames: Tensor) -> Tensor:
        """Values (batch, rows, frames) at the rate of the sound: a line from each frame's last value to its own."""
        rows = frames.shape[1]
        line = self.line.expand(rows, 1, 2 * HOP)
        made = F.conv_transpose1d(frames, line, stride=HOP, groups=rows)
        return torch.as_tensor(made[:, :, : frames.shape[2] * HOP])

    def forward(self, f0: Tensor, loudness: Tensor, z: Tensor) -> Tensor:
        """Play whole recordings, from silence."""
        amplitudes, magnitudes = self.chosen(f0, loudness)
        sound = self.harmonic(hold_pitch(f0).repeat_interleave(HOP, 2), self.glide(amplitudes))
        return torch.as_tensor(self.room(sound + self.breath(z, magnitudes)))


def build() -> tuple[Player, tuple[Tensor, ...]]:
    """The trained network in eval mode, and example inputs of 16 frames."""
    network = Player()
    load(network, WEIGHTS)
    f0 = 150 + 50 * torch.rand(1, 1, 16)
    return network.eval(), (f0, -40 + 10 * torch.rand(1, 1, 16), torch.rand(1, 1, 16 * HOP) * 2 - 1)
