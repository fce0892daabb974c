"""A small keyword spotter: chirps that rise or fall, told apart by 24 frames of 16 log-mel bands."""

from collections.abc import Iterator
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgekit.frontend import LogMel

RATE, HOP, EVERY, FRAMES, BANDS = 8000, 80, 2, 24, 16
LABELS = ("rise", "fall", "other")
FRONTEND = f"mel:256:{HOP}:hann@200:{BANDS}:log:stack:{FRAMES}:{EVERY}"
DECIDE = f"softmax:smooth=0.1s:on=0.7:off=0.4:hold=0.5s:labels={','.join(LABELS)}:ignore=other"
WORD = int(0.2 * RATE)  # samples
Sound = NDArray[np.float32]


def word(label: int, random: np.random.Generator) -> Sound:
    """A rising or falling chirp, or a steady tone, of a random pitch and loudness."""
    low, high = random.uniform(300, 600), random.uniform(1500, 2500)
    first, last = ((low, high), (high, low), (low, low))[label]
    phase = 2 * np.pi * np.cumsum(np.linspace(first, last, WORD)) / RATE
    fade = np.minimum(1, np.minimum(np.arange(WORD), np.arange(WORD)[::-1]) / 100)
    return (random.uniform(0.1, 0.4) * np.sin(phase) * fade).astype(np.float32)


def recording(words: list[tuple[float, int]], seconds: float, seed: int) -> Sound:
    """Noise with words that begin at these times, in seconds."""
    random = np.random.default_rng(seed)
    pcm = random.normal(size=int(seconds * RATE)).astype(np.float32) * np.float32(0.01)
    for time, label in words:
        start = int(time * RATE)
        pcm[start : start + WORD] += word(label, random)
    return pcm


class Spotter(nn.Module):
    """Features (batch, 1, 24, 16) to a score for each label."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 12, (5, 4), 2, (2, 1)),
            nn.ReLU(),
            nn.Conv2d(12, 12, 3, padding=1, groups=12),
            nn.Conv2d(12, 16, 1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(16 * 12 * 8, 3),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.as_tensor(self.layers((x + 10) / 5))


@cache
def trained() -> Spotter:
    """The network after 80 steps on words and noise."""
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # so small a network is slower on several
    random = np.random.default_rng(0)
    mel = LogMel(RATE, 256, HOP, BANDS, window="hann@200")
    span = (FRAMES + 3) * HOP
    sounds, labels = [], []
    for number in range(480):
        label = number % 4
        pcm = random.normal(size=span).astype(np.float32) * np.float32(0.01)
        if label < 3:
            start = int(random.integers(0, span - WORD))
            pcm[start : start + WORD] += word(label, random)
        elif number % 8 == 3:  # the start of a stream: silence, then noise
            pcm[: int(random.integers(0, span))] = 0
        sounds.append(pcm)
        labels.append(min(label, 2))
    x = mel(torch.tensor(np.stack(sounds))).transpose(1, 2)[:, None, -FRAMES:]
    y, net = torch.tensor(labels), Spotter()
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    for _ in range(80):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y, label_smoothing=0.05).backward()
        optimizer.step()
    torch.set_num_threads(threads)
    return net.eval()


def factory() -> tuple[nn.Module, tuple[Tensor, ...]]:
    return trained(), (torch.zeros(1, 1, FRAMES, BANDS),)


def clips() -> Iterator[dict[str, Sound]]:
    """Calibration: recordings in hops of the build."""
    words = [(0.3, 0), (1.1, 1), (1.9, 2), (2.7, 0)]
    for seed in (1, 2):
        yield {"pcm": recording(words, 3.6, seed).reshape(-1, 1, EVERY * HOP)}
