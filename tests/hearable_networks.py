"""Networks of hearables with several streams: an echo canceller that adapts, and a binaural one."""

import numpy as np
import torch
from numpy.typing import NDArray

N_FFT, HOP, RATE = 256, 128, 16000
BINS, PARTS = N_FFT // 2 + 1, 6  # spectra of the far end that the echo is made of: 48 ms


class EchoCanceller(torch.nn.Module):
    """A normalised LMS filter in each band (Haykin, Adaptive Filter Theory, ch. 6), over the last spectra of `ref`.

    It takes and gives a spectrum (1, 1, bins, 2) of a hop; `past` and `weights` are (1, parts, bins, 2).
    """

    output_names = ("out", "past_next", "weights_next")

    def __init__(self, step: float = 0.1) -> None:
        super().__init__()
        self.step = step

    def forward(
        self, mic: torch.Tensor, ref: torch.Tensor, past: torch.Tensor, weights: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        seen = torch.cat([ref, past[:, :-1]], 1)
        re, im = seen[..., :1], seen[..., 1:]
        w_re, w_im = weights[..., :1], weights[..., 1:]
        echo = torch.cat([re * w_re - im * w_im, re * w_im + im * w_re], 3).sum(1, keepdim=True)
        out = mic - echo
        power = (seen * seen).sum(3, keepdim=True).sum(1, keepdim=True)
        scaled = out * (self.step / (power + 1e-3))
        e_re, e_im = scaled[..., :1], scaled[..., 1:]
        turn = torch.cat([re * e_re + im * e_im, re * e_im - im * e_re], 3)
        return out, seen, weights + turn


def canceller() -> tuple[torch.nn.Module, tuple[torch.Tensor, ...]]:
    """The network, and a hop."""
    spectrum, kept = (1, 1, BINS, 2), (1, PARTS, BINS, 2)
    return EchoCanceller(), (
        torch.randn(spectrum),
        torch.randn(spectrum),
        torch.zeros(kept),
        torch.zeros(kept),
    )


def rendered(seconds: float, seed: int = 0) -> tuple[NDArray[np.float32], ...]:
    """Far end, its echo in a room (24 ms, falling by 60 dB in 60 ms), and a near end that speaks in the last fifth."""
    random = np.random.default_rng(seed)
    samples = int(seconds * RATE)
    steps = np.repeat(random.uniform(0.2, 1, samples // 800 + 1), 800)[:samples]  # syllables
    far = 0.2 * random.standard_normal(samples) * steps
    room = random.standard_normal(384) * 10 ** (-3 * np.arange(384) / (0.06 * RATE))
    echo = np.convolve(far, 0.5 * room / np.linalg.norm(room))[:samples]
    near = 0.1 * random.standard_normal(samples) * (np.arange(samples) >= 0.8 * samples)
    return far.astype(np.float32), echo.astype(np.float32), near.astype(np.float32)


class Binaural(torch.nn.Module):
    """Two ears in, two ears out: [re L, re R, im L, im R] in, [re L, im L, re R, im R] out, frames causal."""

    output_names = ("out",)

    def __init__(self, bins: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.enter = torch.nn.Conv2d(4, 8, (3, 3), padding=(0, 1))
        self.frames = torch.nn.GRU(8 * bins, 16, batch_first=True)
        self.spread = torch.nn.Linear(16, 8 * bins)
        self.leave = torch.nn.Conv2d(8, 4, (1, 3), padding=(0, 1))

    def forward(self, ears: torch.Tensor) -> torch.Tensor:
        hidden = torch.relu(self.enter(torch.nn.functional.pad(ears, (0, 0, 2, 0))))
        batch, channels, frames, bins = hidden.shape
        rows = hidden.transpose(1, 2).reshape(batch, frames, channels * bins)
        spread = self.spread(self.frames(rows)[0])
        gate = torch.sigmoid(spread.reshape(batch, frames, channels, bins).transpose(1, 2))
        return self.leave(hidden * gate)


EARS_N_FFT, EARS_HOP = 64, 32


def binaural() -> tuple[torch.nn.Module, torch.Tensor]:
    """The network, and frames of two ears."""
    bins = EARS_N_FFT // 2 + 1
    return Binaural(bins), torch.randn(1, 4, 24, bins)


def spectra(sound: NDArray[np.float32], window: NDArray[np.float64]) -> NDArray[np.complex128]:
    """(channels, frames, bins) of (channels, samples), each frame the last samples up to a hop's end."""
    hop = len(window) // 2
    padded = np.pad(sound.astype(np.float64), ((0, 0), (len(window) - hop, 0)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, len(window), axis=1)[:, ::hop]
    return np.fft.rfft(frames * window)


def overlapped(frames: NDArray[np.complex128], window: NDArray[np.float64]) -> NDArray[np.float64]:
    """(channels, samples) of (channels, frames, bins), without the delay of the overlap."""
    hop, pieces = len(window) // 2, np.fft.irfft(frames) * window
    whole = np.zeros((len(frames), (frames.shape[1] + 1) * hop))
    for index in range(frames.shape[1]):
        whole[:, index * hop : index * hop + len(window)] += pieces[:, index]
    return whole[:, hop:]
