"""The demo denoiser: a small causal network that computes gains from log power spectra, hop by hop.

16 kHz audio in [-1, 1], frames of 512 samples every 128, periodic sqrt-Hann window, unnormalised
FFT, no centre padding. The feature of a frame is ``log10(max(re^2 + im^2, 1e-12))`` of 257 bins.
The network computes a gain in [0, 1] for each bin; the enhanced spectrum is gain times noisy spectrum. Overlap-add with
the same window, divided by 2 (the constant sum of the squared windows), gives the signal. No layer looks ahead.
`train_denoise.py` made the weights.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

SAMPLE_RATE = 16_000
N_FFT = 512
HOP = 128
BINS = N_FFT // 2 + 1
POWER_FLOOR = 1e-12

WIDTH = 72
KERNEL = 5
STATE_NAMES = ("conv1_state", "conv2_state", "gru1_state", "gru2_state")
WEIGHTS = Path(__file__).with_name("denoise.npz")


class TemporalConv(nn.Module):
    """A causal depthwise convolution over time, then a pointwise one, added to the input."""

    def __init__(self, channels: int, kernel: int) -> None:
        """A block of ``channels`` that sees ``kernel`` frames."""
        super().__init__()
        self.depthwise = nn.Conv1d(channels, channels, kernel, groups=channels, bias=False)
        self.norm = nn.BatchNorm1d(channels)
        self.pointwise = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Filters ``x`` (batch, channels, time) after ``state``, the frames before."""
        context = torch.cat((state, x), dim=2)
        y = self.pointwise(torch.relu(self.norm(self.depthwise(context))))
        return x + y, context[:, :, x.shape[2] :]


class Denoiser(nn.Module):
    """Log power spectra to gains: input norm, projection, two temporal convolutions, two GRUs."""

    output_names = ("gain", *(f"{name}_next" for name in STATE_NAMES))

    def __init__(self, width: int = WIDTH, kernel: int = KERNEL) -> None:
        """A network with random weights; `build` makes the trained one."""
        super().__init__()
        self.width = width
        self.kernel = kernel
        self.input_norm = nn.BatchNorm1d(BINS)
        self.project = nn.Linear(BINS, width, bias=False)
        self.project_norm = nn.BatchNorm1d(width)
        self.conv1 = TemporalConv(width, kernel)
        self.conv2 = TemporalConv(width, kernel)
        self.gru1 = nn.GRU(width, width, batch_first=True)
        self.gru2 = nn.GRU(width, width, batch_first=True)
        self.gain = nn.Linear(width, BINS)

    def initial_states(self, batch: int = 1) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return zero states in the order of `STATE_NAMES`: the network's states at the start of a stream."""
        conv = torch.zeros(batch, self.width, self.kernel - 1)
        gru = torch.zeros(1, batch, self.width)
        return conv, conv.clone(), gru, gru.clone()

    def forward(
        self,
        logpow: Tensor,
        conv1_state: Tensor,
        conv2_state: Tensor,
        gru1_state: Tensor,
        gru2_state: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Gains of the frames in ``logpow`` and the states to pass with the next frames.

        Args:
            logpow: (batch, time, 257), log10 of the power; any time from 1 hop up.
            conv1_state: (batch, width, kernel - 1), the frames before, at the first convolution.
            conv2_state: the same at the second convolution.
            gru1_state: (1, batch, width).
            gru2_state: (1, batch, width).

        Returns:
            gain (batch, time, 257) in [0, 1], then the four next states in the same order.
        """
        x = self.project(self.input_norm(logpow.transpose(1, 2)).transpose(1, 2))
        x = torch.relu(self.project_norm(x.transpose(1, 2)))
        x, conv1_next = self.conv1(x, conv1_state)
        x, conv2_next = self.conv2(x, conv2_state)
        first, gru1_next = self.gru1(x.transpose(1, 2), gru1_state)
        second, gru2_next = self.gru2(first, gru2_state)
        gain = torch.sigmoid(self.gain(first + second))
        return gain, conv1_next, conv2_next, gru1_next, gru2_next


def build(weights: Path = WEIGHTS) -> tuple[Denoiser, tuple[Tensor, ...]]:
    """The trained network in eval mode, and example inputs for one hop (all states zero)."""
    network = Denoiser()
    with np.load(weights, allow_pickle=False) as arrays:
        network.load_state_dict({name: torch.from_numpy(arrays[name]) for name in arrays.files})
    network.eval()
    silence = torch.full((1, 1, BINS), float(np.log10(POWER_FLOOR)))
    return network, (silence, *network.initial_states())
