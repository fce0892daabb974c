"""The network: a small temporal convolutional network with two knobs, after a gain computer with two others.

A micro-TCN (Steinmetz and Reiss, AES 152, 2022): causal dilated convolutions, each followed by gains that a small
network of the knobs decides, and a residual. Differences from the published one:

- threshold and ratio act by formula, and give the gain of each sample without attack and release; the network learns
  how the gain follows that, from the attack and release times;
- no layer has a bias, so that twice the overshoot gives twice the gain, as the formula does;
- it works on frames of 8 samples, and gives a gain in dB for each; gains between two frames are interpolated linearly,
  and each sample is multiplied by its gain;
- attack and release glide to new settings in 8 hops, beginning with the hop in which they change;
  threshold and ratio act at once: the gain follows them at the attack's or release's speed.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from edgekit.demos.compressor.formula import HIGHEST, HOP, LOWEST
from edgekit.demos.weights import load

FRAME = 8  # samples
GLIDE = 8  # hops
WIDTH, KERNEL, KNOB_WIDTH = 16, 5, 32
DILATIONS = (1, 5, 25, 125)  # frames: 5,000 samples, 113 ms
UNIT = 6.0  # dB of a 1 in the network
WEIGHTS = Path(__file__).with_name("compressor.npz")
DECIBEL = 20 / float(torch.log(torch.tensor(10.0)))


class Block(nn.Module):
    """A causal dilated convolution, gains by the knobs, a PReLU, and a residual; nothing is added."""

    def __init__(self, dilation: int) -> None:
        """A block whose taps are ``dilation`` frames apart."""
        super().__init__()
        self.reach = (KERNEL - 1) * dilation
        self.taps = nn.Conv1d(WIDTH, WIDTH, KERNEL, dilation=dilation, bias=False)
        self.film = nn.Conv1d(KNOB_WIDTH, WIDTH, 1)
        self.mix = nn.Conv1d(WIDTH, WIDTH, 1, bias=False)
        self.bend = nn.PReLU(WIDTH)

    def forward(self, x: Tensor, knobs: Tensor) -> Tensor:
        """Process frames (batch, width, frames), with the outputs of the knobs' network in each hop of them."""
        gain = self.film(knobs).repeat_interleave(HOP // FRAME, 2)
        y = self.taps(F.pad(x, (self.reach, 0)))
        return torch.as_tensor(x + self.mix(self.bend(y) * (1 + gain)))


class Compressor(nn.Module):
    """PCM and knobs to PCM."""

    output_names = ("out",)
    line: Tensor

    def __init__(self) -> None:
        """A network with random weights; `build` makes the trained one."""
        super().__init__()
        self.knob1 = nn.Conv1d(2, KNOB_WIDTH, 1)
        self.knob2 = nn.Conv1d(KNOB_WIDTH, KNOB_WIDTH, 1)
        self.gather = nn.Conv1d(1, WIDTH, FRAME, FRAME, bias=False)
        self.blocks = nn.ModuleList(Block(dilation) for dilation in DILATIONS)
        self.gain = nn.Conv1d(WIDTH, 1, 1, bias=False)
        rise = torch.arange(1, FRAME + 1) / FRAME
        self.register_buffer("line", torch.cat([rise, 1 - rise])[None, None], persistent=False)

    def gain_db(self, pcm: Tensor, knobs: Tensor) -> Tensor:
        """The gain (batch, 1, samples) of PCM (batch, 1, samples) and knobs (batch, 4, hops)."""
        threshold, ratio, times = knobs[:, :1], knobs[:, 1:2], knobs[:, 2:]
        unit = 2 * (times.clamp(min=0.1).log() - SHORTEST) / (LONGEST - SHORTEST) - 1
        unit = F.avg_pool1d(F.pad(unit, (GLIDE - 1, 0)), GLIDE, 1)
        inner = torch.relu(self.knob2(torch.relu(self.knob1(unit))))
        level = DECIBEL / 2 * torch.log(pcm * pcm + 1e-9)
        over = (level - threshold.repeat_interleave(HOP, 2)).clamp(min=0)
        x = self.gather(over * ((1 / ratio - 1) / UNIT).repeat_interleave(HOP, 2))
        for block in self.blocks:
            x = block(x, inner)
        made = F.conv_transpose1d(UNIT * self.gain(x), self.line, stride=FRAME)
        return torch.as_tensor(made[:, :, : pcm.shape[2]])

    def forward(self, pcm: Tensor, knobs: Tensor) -> Tensor:
        """PCM (batch, 1, samples) in [-1, 1] and knobs (batch, 4, hops) in the units of `KNOBS` to PCM."""
        return torch.as_tensor(pcm * torch.exp(self.gain_db(pcm, knobs) / DECIBEL))


SHORTEST, LONGEST = (float(torch.tensor(edge[2]).log()) for edge in (LOWEST, HIGHEST))


def build() -> tuple[Compressor, tuple[Tensor, Tensor]]:
    """The trained network in eval mode, and example inputs of 64 hops."""
    network = Compressor()
    load(network, WEIGHTS)
    knobs = torch.tensor([-18.0, 3.0, 5.0, 20.0])[None, :, None].repeat(1, 1, 64)
    return network.eval(), (0.1 * torch.randn(1, 1, 64 * HOP), knobs)
