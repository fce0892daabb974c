"""The demo's speech enhancer by diffusion: a small causal U-Net for the OUVE equation of SGMSE+.

It has no normalization, looks at no later frame, and returns the preconditioned F of
`edgekit.export.diffusion.step_tables_sde.Ouve`. `enhance_speech.py` makes x and y of recordings,
`train_speech_diffusion.py` made the weights.
"""

from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, silu

from edgekit.demos.enhance_speech import calibration
from edgekit.demos.weights import load

FRAMES = 128  # of a build: a second
EMBEDDING = 64
ANGLES = (0.5, 1, 2, 3, 4, 6, 8, 12)  # times pi t, whose sine and cosine encode the time
WEIGHTS = Path(__file__).with_name("speech_diffusion.npz")


class CausalConv(nn.Module):
    """A convolution (batch, channels, bins, frames) that sees no later frame."""

    def __init__(self, inputs: int, outputs: int, kernel: tuple[int, int], dilation: int) -> None:
        """Frames of the kernel are ``dilation`` apart."""
        super().__init__()
        self.past = dilation * (kernel[1] - 1)
        self.conv = nn.Conv2d(inputs, outputs, kernel, 1, (kernel[0] // 2, 0), (1, dilation))

    def forward(self, x: Tensor) -> Tensor:
        """Zeros stand for the frames before the first."""
        y: Tensor = self.conv(pad(x, (self.past, 0)))
        return y


class Block(nn.Module):
    """A causal convolution, a pointwise one and a shortcut; the time scales and shifts between them."""

    def __init__(self, channels: int, embedding: int, dilation: int) -> None:
        """Make a block of ``channels``; the time comes as ``embedding`` numbers."""
        super().__init__()
        self.first = CausalConv(channels, channels, (3, 3), dilation)
        self.second = nn.Conv2d(channels, channels, 1)
        self.film = nn.Linear(embedding, 2 * channels)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """(batch, channels, bins, frames), (batch, embedding) -> as x."""
        scale, shift = self.film(time)[:, :, None, None].chunk(2, 1)
        h = self.first(silu(x)) * (1 + scale) + shift
        y: Tensor = self.second(silu(h)) + x
        return y


class SpeechDiffusion(nn.Module):
    """x and y (batch, 2, 256, frames), t (batch,) in (0, 1] -> F like x.

    The output of the U-Net scales and shifts features of x and y that keep all 256 bins: it is a mask.
    """

    trained: ClassVar = {"prediction": "preconditioned"}  # the settings that a sampler must share

    def __init__(self, channels: tuple[int, int, int, int] = (12, 16, 32, 48)) -> None:
        """Channels at 256, 64, 32 and 16 bands."""
        super().__init__()
        a, b, c, d = channels
        e = EMBEDDING
        self.time = nn.Sequential(
            nn.Linear(2 * len(ANGLES), e), nn.SiLU(), nn.Linear(e, e), nn.SiLU()
        )
        self.first = CausalConv(4, a, (3, 2), 1)
        self.film = nn.Linear(e, 2 * a)
        self.down1 = nn.Conv2d(a, b, (6, 1), (4, 1), (1, 0))
        self.encoder1 = Block(b, e, 1)
        self.down2 = nn.Conv2d(b, c, (4, 1), (2, 1), (1, 0))
        self.encoder2 = Block(c, e, 2)
        self.down3 = nn.Conv2d(c, d, (4, 1), (2, 1), (1, 0))
        self.middle = nn.ModuleList([Block(d, e, 1), Block(d, e, 3), Block(d, e, 9)])
        self.up3 = nn.ConvTranspose2d(d, c, (2, 1), (2, 1))
        self.merge2 = nn.Conv2d(2 * c, c, 1)
        self.decoder2 = Block(c, e, 2)
        self.up2 = nn.ConvTranspose2d(c, b, (2, 1), (2, 1))
        self.merge1 = nn.Conv2d(2 * b, b, 1)
        self.decoder1 = Block(b, e, 1)
        self.up1 = nn.ConvTranspose2d(b, 2 * a, (4, 1), (4, 1))
        self.last = nn.Conv2d(a, 2, (3, 1), 1, (1, 0))

    def forward(self, x: Tensor, y: Tensor, t: Tensor) -> Tensor:
        """Estimate F of x0 - y."""
        angles = t[:, None] * torch.pi * torch.tensor(ANGLES)
        time = self.time(torch.cat([angles.sin(), angles.cos()], 1))
        scale, shift = self.film(time)[:, :, None, None].chunk(2, 1)
        detail = self.first(torch.cat([x, y], 1)) * (1 + scale) + shift
        high = self.encoder1(self.down1(silu(detail)), time)
        low = self.encoder2(self.down2(silu(high)), time)
        h = self.down3(silu(low))
        for block in self.middle:
            h = block(h, time)
        h = self.merge2(torch.cat([self.up3(silu(h)), low], 1))
        h = self.decoder2(h, time)
        h = self.merge1(torch.cat([self.up2(silu(h)), high], 1))
        h = self.decoder1(h, time)
        gain, offset = self.up1(silu(h)).chunk(2, 1)
        out: Tensor = self.last(detail * gain + offset)
        return out


def build() -> tuple[nn.Module, dict[str, Tensor]]:
    """Return the trained network and an example, for ``edgekit export edgekit.demos.speech_diffusion:build``."""
    network = SpeechDiffusion()
    load(network, WEIGHTS)
    y = torch.from_numpy(next(calibration(FRAMES))["y"][0])
    z = torch.randn(y.shape, generator=torch.Generator().manual_seed(0))
    return network.eval(), {"x": y + 0.2 * z, "y": y, "t": torch.tensor([0.5])}
