"""Trains the keyword spotter on the sounds of `prepare.py`.

    python -m edgekit.demos.wake.train heard --minutes 40

A run that was stopped, or that is given more ``--minutes``, goes on from OUT.checkpoint; ``--start-from`` takes the
weights of an earlier run. Whole synthesised voices and the letters of eight languages are held out
(`edgekit.demos.wake.prepare`). The weights that are kept are the best on recordings held out of the voices of the
training. The seed is fixed, but a run is limited by time, so its number of steps depends on the machine. report.md
describes the committed weights.

Clips of 3 s are kept in a pool. The features of each are used some ten times, each time varied anew (`augment`).
"""

import argparse
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from edgekit.demos.training import Plan, pool_batches, run_training
from edgekit.demos.wake.data import KeywordMixer, augment
from edgekit.demos.wake.network import WEIGHTS, Spotter
from edgekit.demos.weights import load

BATCH, FRESH, POOL = 32, 8, 2048  # clips: of a step, new in a step, kept
SEED = 20_260
RATE_OF_LEARNING = 3e-3
FALSE_COST = 1.0  # of frames without a keyword, relative to those with one
Batch = tuple[Tensor, Tensor]  # features (clips, bands, frames) and labels (clips, frames)
QUICK = {"pool": 40, "held": 16, "steps": 3}


def loss_of(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy of keyword frames and of the others, each by their mean, the hardest of those again."""
    each = F.binary_cross_entropy_with_logits(logits, labels.clamp(min=0), reduction="none")
    hit, none = labels == 1, labels == 0
    found = each[hit].mean() if bool(hit.any()) else each.sum() * 0
    others = each[none]
    hardest = others.topk(max(1, others.numel() // 100)).values
    return found + FALSE_COST * (others.mean() + hardest.mean())


@torch.no_grad()
def separation(network: Spotter, mel: Tensor, labels: Tensor) -> tuple[float, float]:
    """Keywords missed (%) where one clip in a hundred without one is accepted, and the loss."""
    network.eval()
    logits = network(mel)[:, 0]
    network.train()
    smooth = F.avg_pool1d(F.pad(logits.sigmoid()[:, None], (4, 0)), 5, 1)[:, 0]
    spoken = (labels == 1).any(1)
    best = smooth.masked_fill(labels < 0, 0).max(1).values
    if not bool(spoken.any()) or bool(spoken.all()):
        return 100.0, float(loss_of(logits, labels))
    found = smooth.masked_fill(labels == 0, 0).max(1).values[spoken]
    limit = best[~spoken].quantile(0.99)
    return 100 * float((found <= limit).float().mean()), float(loss_of(logits, labels))


def train(
    heard: Path, minutes: float, out: Path, quick: bool = False, start_from: Path | None = None
) -> None:
    """Train for this number of minutes, those of earlier runs included."""
    torch.manual_seed(SEED)
    mixer = KeywordMixer(heard, "train", SEED)
    held = KeywordMixer(heard, "held", SEED + 1).batch(QUICK["held"] if quick else 512)
    print(f"{len(mixer.corpus.voices)} voices, {len(mixer.keywords)} of keywords", flush=True)
    network = Spotter()
    if start_from is not None:
        load(network, start_from)

    def batches(first: int) -> Iterator[Batch]:
        mixer.rng, random = (np.random.default_rng(SEED + first) for _ in range(2))
        most = (QUICK["pool"] if quick else POOL) // FRESH
        for drawn in pool_batches(lambda: mixer.batch(FRESH), BATCH // FRESH, most, random):
            mel, labels = (torch.cat(parts) for parts in zip(*drawn, strict=True))
            yield augment(mel, labels, random)

    def judge(average: Spotter) -> tuple[float, str]:
        missed, held_loss = separation(average, *held)
        return held_loss, f"misses {missed:.1f} % where 1 % of clips are accepted"

    run_training(
        network,
        Plan(out, RATE_OF_LEARNING, minutes, QUICK["steps"] if quick else None, fall=half_cosine),
        batches,
        lambda network, batch: loss_of(network(batch[0])[:, 0], batch[1]),
        judge,
    )


def half_cosine(done: float) -> float:
    """The share of the learning rate that is left when a share of the time is done: from 1 to 0."""
    return 0.5 + 0.5 * math.cos(math.pi * done)


def main() -> None:
    """Reads the command line and trains."""
    parser = argparse.ArgumentParser(description="Train the keyword spotter.")
    parser.add_argument("heard", type=Path, help="folder that edgekit.demos.wake.prepare made")
    parser.add_argument("--minutes", type=float, default=40.0)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--start-from", type=Path, help="weights of an earlier run")
    parser.add_argument("--quick", action="store_true", help="a few steps: does it run?")
    given = parser.parse_args()
    torch.set_num_threads(1)
    train(given.heard, given.minutes, given.out, given.quick, given.start_from)


if __name__ == "__main__":
    main()
