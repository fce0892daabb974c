"""Trains the network of the stream, from the weights of `edgekit.demos.speech_diffusion`.

    python -m edgekit.demos.stream_diffusion.train data --minutes 60

`train_denoise.py` describes how to get the folder, and the held-out part. A run that was stopped, or that is given more
``--minutes``, goes on from OUT.checkpoint. report.md describes the committed weights.

Stretches of a clip are drawn that end anywhere in it. The last `BUFFER` frames are at their times, all older ones at
the least. As in a stream, x holds the network's own estimate of one or two calls before, without gradients, in place of
x0. The last frame holds only y and noise. A network trained with x0 there, as in the equation, relies on it and gains
nothing in a stream (correcting the reverse process, Lay et al., arXiv 2309.09677). The loss is the mean squared error
of the estimate in the last frames.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from edgekit.demos import speech_diffusion
from edgekit.demos.denoise_data import Corpus, load_corpora
from edgekit.demos.stream_diffusion.facts import (
    BINS,
    BUFFER,
    DECAY,
    DELAY,
    HOP,
    LEAST,
    N_FFT,
    RATE,
    SIGMA_DATA,
    TIMES,
    mean,
    std,
)
from edgekit.demos.stream_diffusion.network import (
    PART,
    TINY,
    WEIGHTS,
    Caches,
    FrameTimes,
    StreamDiffusion,
    per_frame,
)
from edgekit.demos.train_denoise import Batches, si_sdr, validation_clips
from edgekit.demos.training import Plan, run_training
from edgekit.demos.weights import load

BATCH, PER_CLIP, HELD = 3, 4, 5  # clips of a step, stretches of each; clips held out
FRAMES = 40 + BUFFER  # of a stretch: the context of the last frame
RATE_OF_LEARNING = 1e-3
SEED = 2506
EVERY = 250  # steps
HELD_SAMPLES = 2 * RATE

Batch = tuple[Tensor, Tensor]


def window() -> Tensor:
    """Return the window of analysis and synthesis."""
    return torch.sqrt(torch.hann_window(N_FFT))


def spectrum(signal: Tensor) -> Tensor:
    """(batch, samples) to real and imaginary parts (batch, 2, 257, frames); a frame ends with its hop."""
    padded = nn.functional.pad(signal, (N_FFT - HOP, 0))
    bins = torch.fft.rfft(padded.unfold(1, N_FFT, HOP) * window()).transpose(1, 2)
    return torch.stack([bins.real, bins.imag], 1)


def sound(spectra: Tensor) -> Tensor:
    """The inverse of `spectrum`, N_FFT - HOP samples late."""
    bins = torch.complex(spectra[:, 0], spectra[:, 1]).transpose(1, 2)
    pieces = (torch.fft.irfft(bins, N_FFT) * window() * (2 * HOP / N_FFT)).transpose(1, 2)
    size = (pieces.shape[2] - 1) * HOP + N_FFT
    whole = nn.functional.fold(pieces, (1, size), (1, N_FFT), stride=(1, HOP))
    return whole[:, 0, 0, : pieces.shape[2] * HOP]


def compress_spectra(noisy: Tensor, clean: Tensor) -> Batch:
    """Spectra of both without the highest bin, compressed, over the running peak of the noisy one."""
    noisy, clean = noisy[:, :, :BINS], clean[:, :, :BINS]
    size = torch.sqrt((noisy * noisy).sum(1, keepdim=True) + TINY)
    fall = np.log(DECAY) * torch.arange(noisy.shape[3])
    peak = (size.amax(2, keepdim=True).log() - fall).cummax(3).values + fall
    peak = peak.exp().clamp(min=LEAST)
    target = torch.sqrt((clean * clean).sum(1, keepdim=True) + TINY)
    return noisy / torch.sqrt(size * peak), clean / torch.sqrt(target * peak)


def drawn(noisy: Tensor, clean: Tensor) -> Batch:
    """Stretches of clips, (stretches, 2, bins, frames) each."""
    y, x0 = compress_spectra(spectrum(noisy), spectrum(clean))
    stops = torch.randint(FRAMES, y.shape[3] + 1, (len(y), PER_CLIP)).tolist()
    parts = [
        [whole[i, :, :, stop - FRAMES : stop] for i, row in enumerate(stops) for stop in row]
        for whole in (y, x0)
    ]
    return torch.stack(parts[0]), torch.stack(parts[1])


def loss_of(network: nn.Module, batch: Batch) -> Tensor:
    """The mean squared error of the estimate in the buffer, for new stretches of clips."""
    y, x0 = drawn(*batch)
    times = np.concatenate([np.full(FRAMES - BUFFER, TIMES[0]), TIMES])
    every = torch.as_tensor(times, dtype=torch.float32).expand(len(y), -1)
    share, deviation = per_frame(mean(times)), per_frame(PART * std(times))
    share[..., -1] = 0

    def told(difference: Tensor) -> Tensor:
        x = y + share * SIGMA_DATA * difference + deviation * torch.randn_like(y)
        return torch.as_tensor(network(x, y, every, Caches(None)))

    difference = torch.zeros_like(y)
    with torch.no_grad():
        for _ in range(int(torch.randint(1, 3, ()))):
            difference = told(difference)
    wanted = (x0 - y)[..., -BUFFER:] / SIGMA_DATA
    return torch.mean((told(difference)[..., -BUFFER:] - wanted) ** 2)


@torch.no_grad()
def enhance_clips(frames: FrameTimes, noisy: Tensor, delay: int) -> Tensor:
    """Clips (batch, samples) through the stream, ``delay`` frames late; sound in time with them, their ends missing."""
    network = StreamDiffusion()
    network.frames = frames
    whole = spectrum(noisy)
    states = tree_map(lambda state: state.expand(len(noisy), *state.shape[1:]), network.states())
    random = torch.Generator().manual_seed(SEED)
    late = torch.full((1, 1, 1, 1), float(delay))
    out = []
    for at in range(whole.shape[3]):
        z = torch.randn((len(noisy), 2, BINS, BUFFER), generator=random)
        told, *states = network(whole[..., at : at + 1], z, late, *states)
        out.append(told)
    return sound(torch.cat(out, 3))[:, N_FFT - HOP + delay * HOP :]


def gain_db(network: FrameTimes, noisy: Tensor, clean: Tensor) -> float:
    """Mean SI-SDR improvement of clips, `DELAY` frames late."""
    said = enhance_clips(network, noisy, DELAY)
    size = said.shape[1]
    before = si_sdr(noisy[:, :size], clean[:, :size])
    return float((si_sdr(said, clean[:, :size]) - before).mean())


def train(
    train_corpus: Corpus, held_corpus: Corpus, minutes: float, out: Path, quick: bool = False
) -> None:
    """Train for this number of minutes, those of earlier runs included."""
    torch.manual_seed(SEED)
    network = FrameTimes()
    load(network.net, speech_diffusion.WEIGHTS)
    held = validation_clips(held_corpus, 2 if quick else HELD)
    held = held[0][:, :HELD_SAMPLES], held[1][:, :HELD_SAMPLES]

    def batches(first: int) -> Iterator[Batch]:
        torch.manual_seed(SEED + first)
        return iter(Batches(train_corpus, SEED + first, BATCH))

    def judge(average: FrameTimes) -> tuple[float, str]:
        gain = gain_db(average, *held)
        return -gain, f"{gain:+.2f} dB"

    plan = Plan(out, RATE_OF_LEARNING, minutes, 2 if quick else None, EVERY)
    run_training(network, plan, batches, loss_of, judge)


def main() -> None:
    """Reads the command line and trains."""
    parser = argparse.ArgumentParser(description="Train the network of the diffusion buffer.")
    parser.add_argument("data", type=Path, help="folder of unpacked packages")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    train(*load_corpora(given.data), given.minutes, given.out)


if __name__ == "__main__":
    main()
