"""The listener: pitch and loudness of a voice or an instrument, a frame of 64 samples at a time.

Pitch is found by YIN (de Cheveigne and Kawahara, JASA 111, 2002). The difference function of the last 640 samples
(equation 6, by a Fourier transform) is divided by its mean up to each lag (equation 8). The pitch is the first dip
below 0.25, refined by a parabola. A frame without a dip has a pitch of 0. The median of three frames takes out single
slips. Loudness is the A-weighted power of the last 512 samples. Nothing here is trained.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

RATE, HOP = 16_000, 64
WINDOW, LAGS = 440, 200  # samples that are compared, and the longest period: 80 Hz
SHORTEST = 16  # the shortest period: 1000 Hz
FRAME = WINDOW + LAGS
TRANSFORM = 1024
DIP = 0.25  # 0.1 to 0.15 in the paper; real voices lose frames there
SILENCE = 1e-6  # energy of a frame below which nothing is a period
LOUD_WINDOW = 512
QUIETEST_DB = -80.0


def a_weights(bins: int) -> Tensor:
    """The power that A-weighting (IEC 61672-1, equation 5) leaves of each bin up to half the rate."""
    f2 = torch.linspace(0, RATE / 2, bins, dtype=torch.float64).square()
    near = torch.sqrt((f2 + 107.7**2) * (f2 + 737.9**2))
    gain = 12194.0**2 * f2.square() / ((f2 + 20.6**2) * near * (f2 + 12194.0**2))
    return (gain * 10**0.1).square().float()


def inverse(spectrum: Tensor) -> Tensor:
    """The first half of the real signal of a spectrum (..., bins), by Hartley's transform, which is its own inverse.

    So one fast transform forth does it, where a transform back would become a product with a matrix.
    """
    lower, mirrored = spectrum.real - spectrum.imag, spectrum.real + spectrum.imag
    turned = torch.fft.rfft(torch.cat([lower, mirrored[..., 1:-1].flip(-1)], -1))
    return torch.as_tensor((turned.real - turned.imag) / TRANSFORM)


class Listener(nn.Module):
    """PCM (batch, 1, samples) in [-1, 1] to pitch in Hz and loudness in dB, each (batch, 1, frames)."""

    output_names = ("f0", "loudness")
    window: Tensor
    weights: Tensor
    lag: Tensor

    def __init__(self) -> None:
        """Make the constants."""
        super().__init__()
        window = torch.hann_window(LOUD_WINDOW)
        scale = 2 / (LOUD_WINDOW * window.square().sum())
        self.register_buffer("window", window, persistent=False)
        self.register_buffer("weights", scale * a_weights(LOUD_WINDOW // 2 + 1), persistent=False)
        self.register_buffer("lag", torch.arange(LAGS + 2).float(), persistent=False)

    def differences(self, frames: Tensor) -> Tensor:
        """The difference function (batch, frames, lags) of frames (batch, frames, `FRAME`) at lags 0 to 201."""
        spectrum = torch.fft.rfft(frames, TRANSFORM)
        first = torch.fft.rfft(frames[..., :WINDOW], TRANSFORM)
        products = inverse(spectrum * first.conj())[..., : LAGS + 1]
        energy = F.pad(torch.cumsum(frames * frames, -1), (1, 0))
        energies = energy[..., WINDOW:] - energy[..., : LAGS + 1]
        return torch.as_tensor((energies[..., :1] + energies - 2 * products).clamp(min=0))

    def pitch(self, frames: Tensor) -> Tensor:
        """The pitch (batch, frames) in Hz."""
        difference = self.differences(frames)
        lag = self.lag[: LAGS + 1]
        mean = torch.cumsum(difference, -1)
        ratio = (difference * lag + SILENCE) / (mean + SILENCE)
        before, here, after = (ratio[..., SHORTEST + i : LAGS + i] for i in (-1, 0, 1))
        dip = ((here < DIP) & (here <= before) & (here < after)).to(here.dtype)
        chosen = dip * (torch.cumsum(dip, -1) < 1.5).to(here.dtype)
        left, middle, right = (difference[..., SHORTEST + i : LAGS + i] for i in (-1, 0, 1))
        bend = (left - 2 * middle + right).clamp(min=1e-12)
        beside = ((left - right) / (2 * bend)).clamp(-1, 1)
        return torch.as_tensor((chosen * (RATE / (lag[SHORTEST:LAGS] + beside))).sum(-1))

    def forward(self, pcm: Tensor) -> tuple[Tensor, Tensor]:
        """Process whole recordings, after silence; frames are samples / 64."""
        frames = F.pad(pcm[:, 0], (FRAME - HOP, 0)).unfold(1, FRAME, HOP)
        pitch = F.pad(self.pitch(frames), (2, 0))
        old, last, new = pitch[:, :-2], pitch[:, 1:-1], pitch[:, 2:]
        low, high = torch.minimum(last, new), torch.maximum(last, new)
        pitch = torch.maximum(low, torch.minimum(high, old))
        spectrum = torch.fft.rfft(frames[..., FRAME - LOUD_WINDOW :] * self.window)
        power = spectrum.real.square() + spectrum.imag.square()
        heard = (power @ self.weights).clamp(min=10 ** (QUIETEST_DB / 10))
        level = 10 / 2.302585093 * torch.log(heard)
        return pitch[:, None], level[:, None]


def build() -> tuple[Listener, tuple[Tensor]]:
    """The listener, and an example of 16 frames."""
    return Listener().eval(), (0.1 * torch.randn(1, 1, 16 * HOP),)
