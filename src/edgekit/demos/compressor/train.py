"""Trains the compressor's network on the sounds of `prepare.py`, to follow the gain of `formula.py`.

    python -m edgekit.demos.compressor.train heard --minutes 40

A run that was stopped, or that is given more ``--minutes``, goes on from OUT.checkpoint. The weights that are kept are
the best on clips of the training's sounds, at settings that are not in the training. `python bench compressor` measures
on other instruments, voices and noises. The seed is fixed, but a run is limited by time, so its number of steps depends
on the machine. report.md describes the committed weights.
"""

import argparse
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from edgekit.demos.compressor.data import Draw, read_sounds
from edgekit.demos.compressor.network import WEIGHTS, Compressor
from edgekit.demos.training import Plan, run_training, steep_fall

BATCH, POOL, PASSES = 16, 256, 4
SEED = 44_100
RATE_OF_LEARNING = 4e-3
SIGNAL_COST = 30.0  # of the error-to-signal ratio, relative to the squared error of the gain in dB

Clips = tuple[Tensor, Tensor, Tensor]  # PCM, knobs and gains in dB


def errors(network: Compressor, pcm: Tensor, knobs: Tensor, gain: Tensor) -> tuple[Tensor, Tensor]:
    """The squared error of the gain in dB, and the error-to-signal ratio, each of every clip."""
    found = network.gain_db(pcm[:, None], knobs)[:, 0]
    exact, heard = (pcm * 10 ** (each / 20) for each in (gain, found))
    ratio = (exact - heard).square().sum(1) / exact.square().sum(1).clamp(min=1e-6)
    return (found - gain).square().mean(1), ratio


def loss_of(network: Compressor, clips: Clips) -> Tensor:
    """The mean of both errors, each at its cost."""
    gain_error, ratio = errors(network, *clips)
    return (gain_error + SIGNAL_COST * ratio).mean()


def train(heard: Path, minutes: float, out: Path, quick: bool = False) -> None:
    """Train for this number of minutes, those of earlier runs included."""
    torch.manual_seed(SEED)
    sounds = read_sounds(heard)
    size, hops = (8, 32) if quick else (POOL, 256)
    held = [torch.from_numpy(part) for part in Draw(sounds, SEED + 1).clips(min(size, 96), hops)]

    def batches(first: int) -> Iterator[Clips]:
        for step in count(first - 1, PASSES * size // min(BATCH, size)):
            random = np.random.default_rng(SEED + 2 + step)
            pool = [torch.from_numpy(p) for p in Draw(sounds, SEED + 3 + step).clips(size, hops)]
            for _ in range(PASSES):
                for chosen in random.permutation(size).reshape(-1, min(BATCH, size)):
                    pcm, knobs, gain = (part[chosen] for part in pool)
                    yield pcm, knobs, gain

    def judge(average: Compressor) -> tuple[float, str]:
        with torch.no_grad():
            gain_error, ratio = errors(average, *held)
        score = float((gain_error + SIGNAL_COST * ratio).mean())
        rms_db, percent = float(gain_error.mean()) ** 0.5, 100 * float(ratio.mean())
        return score, f"gain error {rms_db:.3f} dB RMS, error to signal {percent:.2f} %"

    plan = Plan(
        out,
        RATE_OF_LEARNING,
        minutes,
        PASSES if quick else None,
        every=PASSES * POOL // BATCH,
        fall=steep_fall,
        longest=5.0,
        weight_decay=0.0,
    )
    run_training(Compressor(), plan, batches, loss_of, judge)


def main() -> None:
    """Reads the command line and trains."""
    parser = argparse.ArgumentParser(description="Train the compressor's network.")
    parser.add_argument("heard", type=Path, help="folder of edgekit.demos.compressor.prepare")
    parser.add_argument("--minutes", type=float, default=40.0)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--quick", action="store_true", help="two steps: does it run?")
    given = parser.parse_args()
    torch.set_num_threads(1)
    train(given.heard, given.minutes, given.out, given.quick)


if __name__ == "__main__":
    main()
