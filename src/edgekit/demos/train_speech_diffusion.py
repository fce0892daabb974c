"""Trains the demo's speech enhancer by diffusion, on the data and the mixtures of `train_denoise.py`.

With torch, av, scipy and soxr installed and `flite` on the path:

    python -m edgekit.demos.train_speech_diffusion data --minutes 75

`train_denoise.py` describes how to get the folder, and the held-out part: every voice of pocketsphinx-testdata and the
blanket noises `stream` and `city`. Some of the recordings are ShareAlike or GPL: they are used in training and not
bundled.

At a time t, even in [0.03, 1], x is drawn as the OUVE equation has it there. For two clips in five x is drawn at 1 as
the sampler starts: there the equation still has 22 % of x0 - y in x, the sampler nothing. The loss is the mean squared
error of the preconditioned F (Karras et al., 2022). Weights kept are a moving average of those trained. The sampler's
t_min and eta were chosen on utterances of the training voices outside the training.

A run is limited by time. The committed weights are of five runs, each from the weights of the one before
(``--start-from``): 500 steps of six clips, 9000 and 2000 of three, without clips at the sampler's start, and 7113 as
here, 75 minutes of a busy core together; then 37,663 as here, 70 minutes of one core.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from edgekit.base.arrays import Float32, Float64
from edgekit.base.sampler_loop import Step, sample
from edgekit.base.sampler_table import Arrays
from edgekit.demos.denoise_data import load_corpora
from edgekit.demos.enhance_speech import HOP, LEVEL, N_FFT, POWER
from edgekit.demos.speech_diffusion import WEIGHTS, SpeechDiffusion
from edgekit.demos.train_denoise import Batches, si_sdr, validation_clips
from edgekit.demos.training import train_steps
from edgekit.demos.weights import load, save
from edgekit.export.diffusion.description import read_sampler
from edgekit.export.diffusion.step_tables_sde import Ouve

BATCH = 3
CROPS = 3
RATE = 1.5e-3
DECAY = 0.999
STARTS = 0.4  # of the clips
SEED = 7
T_MIN = 0.03
SAMPLER = cast("Ouve", read_sampler(WEIGHTS.with_suffix(".toml")))


def analysis(signal: Tensor) -> Tensor:
    """(batch, samples) to the compressed spectrum (batch, 2, 256, frames), as `enhance_speech.analysis`."""
    bins = torch.stft(signal, N_FFT, HOP, window=torch.hann_window(N_FFT), return_complex=True)
    small = torch.polar(LEVEL * bins.abs() ** POWER, bins.angle())
    return torch.stack([small.real, small.imag], 1)


def synthesis(spectrum: Tensor, samples: int) -> Tensor:
    """The inverse of `analysis`: (batch, 2, 256, frames) to (batch, samples)."""
    small = torch.complex(spectrum[:, 0], spectrum[:, 1])
    bins = torch.polar((small.abs() / LEVEL) ** (1 / POWER), small.angle())
    return torch.istft(bins, N_FFT, HOP, window=torch.hann_window(N_FFT), length=samples)


def spectra(noisy: Tensor, clean: Tensor) -> tuple[Tensor, Tensor]:
    """Compressed spectra of both over the largest noisy sample."""
    peak = noisy.abs().amax(1, keepdim=True).clamp_min(1e-6)
    return analysis(noisy / peak), analysis(clean / peak)


def batches(loader: DataLoader[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
    """Noisy and clean spectra: each clip in parts, of one length."""
    for noisy, clean in loader:
        both = spectra(noisy, clean)
        frames = both[0].shape[-1] // CROPS
        for first in range(CROPS):
            y, x0 = (s[..., first * frames : (first + 1) * frames] for s in both)
            yield y, x0


def coefficients(t: Tensor) -> tuple[Tensor, Tensor]:
    """Return the coefficients of x - y and F in x0 - y, (batch, 1, 1, 1), at the times t (batch,)."""
    times = t.numpy().astype(np.float64)
    mean, std = np.exp(-SAMPLER.theta * times), SAMPLER.std(times)
    own, output = SAMPLER.score(times)
    return _as_column((1 + std**2 * own) / mean), _as_column(std**2 * output / mean)


def draw(y: Tensor, x0: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Draw x at the times t (batch,), and return it with the F that gives x0; at 1 as the sampler starts, around y."""
    times = t.numpy().astype(np.float64)
    mean = np.where(times < 1, np.exp(-SAMPLER.theta * times), 0.0)
    noise = _as_column(SAMPLER.std(times) * np.sqrt(0.5)) * torch.randn_like(y)
    x = y + _as_column(mean) * (x0 - y) + noise
    keep, new = coefficients(t)
    return x, (x0 - y - keep * (x - y)) / new


def _as_column(values: Float64) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))[:, None, None, None]


def loss_of(network: nn.Module, y: Tensor, x0: Tensor) -> Tensor:
    """The mean squared error of F, at the start and at times of a random offset and even spacing."""
    n = len(y)
    even = (torch.rand(1) + torch.arange(n) / n) % 1
    t = T_MIN + (1 - T_MIN) * even[torch.randperm(n)]
    t = torch.where(torch.rand(n) < STARTS, 1.0, t)
    x, target = draw(y, x0, t)
    x, y = (v.to(memory_format=torch.channels_last) for v in (x, y))
    with torch.autocast("cpu", torch.bfloat16):
        estimate = network(x, y, t)
    return torch.mean((estimate.float() - target) ** 2)


@torch.no_grad()
def restore(network: nn.Module, y: Tensor) -> Tensor:
    """x0 of the clips in the steps of `SAMPLER`."""

    def called(inputs: Arrays, _: Step) -> list[Float32]:
        x, t = (torch.from_numpy(inputs[name]) for name in ("x", "t"))
        return [network(x, y, t).numpy()]

    given = {"y": y.numpy()}
    return torch.from_numpy(sample(SAMPLER.table(), called, y.shape[1:], len(y), SEED, given))


def gain_db(network: nn.Module, noisy: Tensor, clean: Tensor) -> float:
    """Median SI-SDR improvement of the clips: some hold hardly any noise."""
    peak = noisy.abs().amax(1, keepdim=True)
    estimate = synthesis(restore(network, analysis(noisy / peak)), noisy.shape[1])
    return float((si_sdr(estimate, clean) - si_sdr(noisy, clean)).median())


def train(data: Path, minutes: float, out: Path, start: Path | None) -> None:
    """Train for a time and write the averaged weights now and then, and at the end."""
    torch.manual_seed(SEED)
    train_corpus, held_corpus = load_corpora(data)
    held = validation_clips(held_corpus, 8)
    loader = DataLoader(
        Batches(train_corpus, BATCH), batch_size=None, num_workers=1, prefetch_factor=2
    )
    network = SpeechDiffusion().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    print(sum(p.numel() for p in network.parameters()), "parameters", flush=True)
    if start is not None:
        load(network, start)

    def loss(batch: tuple[Tensor, Tensor]) -> Tensor:
        return loss_of(network, *batch)

    for now in train_steps(network, batches(loader), loss, RATE, fall, minutes, DECAY):
        if now.step % 1000 == 0 or now.done >= 1:
            save(now.average, out)
            print(f"{now}, held {gain_db(now.average, *held):+.2f} dB", flush=True)


def fall(done: float) -> float:
    """Half a cosine."""
    return max(0.01, 0.5 + 0.5 * float(np.cos(np.pi * done)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("data", type=Path, help="folder of unpacked packages")
    parser.add_argument("--minutes", type=float, default=75)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--start-from", type=Path, help="weights to go on from")
    given = parser.parse_args()
    torch.set_num_threads(1)
    train(given.data, given.minutes, given.out, given.start_from)
