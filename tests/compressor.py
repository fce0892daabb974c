"""A compressor with two knobs, as an offline network: what it is trained as is what the device runs."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

RATE = 16_000
LEVEL, SMOOTH = 160, 64  # samples over which the level is measured, and the gain follows
DECIBEL = 20 / float(torch.log(torch.tensor(10.0)))


class Compressor(nn.Module):
    """Pulls what is louder than a threshold down to a ratio.

    The gain computer of Giannoulis, Massberg and Reiss, "Digital dynamic range compressor design" (2012), eq. 4, on
    the level of a one-pole average, its tail cut off, and such an average of the gain in dB.
    """

    output_names = ("out",)

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("level", _decay(LEVEL))
        self.register_buffer("smooth", _decay(SMOOTH))

    def forward(self, pcm: Tensor, knobs: Tensor) -> Tensor:
        """Take PCM (1, 1, time) and knobs (1, 2, time or 1): threshold in dB of full scale, ratio."""
        threshold, ratio = knobs[:, :1], knobs[:, 1:]
        power = F.conv1d(F.pad(pcm * pcm, (self.level.shape[-1] - 1, 0)), self.level)
        level_db = DECIBEL / 2 * torch.log(power + 1e-9)
        gain_db = torch.relu(level_db - threshold) * (1 / ratio - 1)
        followed = F.conv1d(F.pad(gain_db, (self.smooth.shape[-1] - 1, 0)), self.smooth)
        return pcm * torch.exp(followed / DECIBEL)


def _decay(samples: int) -> Tensor:
    taps = torch.exp(-torch.arange(4.0 * samples) / samples).flip(0)
    return (taps / taps.sum())[None, None]


def compressor() -> tuple[nn.Module, tuple[Tensor, Tensor]]:
    """The network, a second of sound, and knobs that stand still."""
    knobs = torch.tensor([[[-30.0], [4.0]]])
    return Compressor(), (0.1 * torch.randn(1, 1, RATE // 4), knobs)
