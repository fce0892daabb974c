"""Trains the network on voices that it synthesises, whose closure instants are known.

    python -m edgekit.demos.voice_source.train --minutes 30

A run that was stopped, or that is given more ``--minutes``, goes on from OUT.checkpoint. The weights that are kept
are the best on voices held out. The seed is fixed, but a run is limited by time, so its number of steps depends on
the machine. report.md describes the committed weights.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from edgekit.demos.training import Plan, pool_batches, run_training
from edgekit.demos.voice_source.closures import bumps, instants, score_closures
from edgekit.demos.voice_source.network import WEIGHTS, VoiceSource
from edgekit.demos.voice_source.synthesis import voice

BATCH, FRESH, POOL, SECONDS = 12, 3, 240, 1.0
SEED = 1985
RATE_OF_LEARNING = 4e-3
CLOSED_COST = 4.0  # of samples near a closure, relative to the others

Clips = tuple[Tensor, Tensor]


def clips(random: np.random.Generator, count: int) -> Clips:
    """Return PCM and its target, (count, 1, samples)."""
    drawn = [voice(random, SECONDS) for _ in range(count)]
    labels = [bumps(closed, len(pcm)) for pcm, closed in drawn]
    pcm = torch.from_numpy(np.stack([one for one, _ in drawn]))
    return pcm[:, None], torch.from_numpy(np.stack(labels))[:, None]


def loss_of(network: VoiceSource, heard: Clips) -> Tensor:
    """Cross entropy, of samples near a closure more than of others."""
    pcm, labels = heard
    each = F.binary_cross_entropy_with_logits(network.logits(pcm), labels, reduction="none")
    return torch.as_tensor((each * (1 + CLOSED_COST * labels)).mean())


@torch.no_grad()
def scores(network: VoiceSource, seed: int, count: int) -> tuple[float, float, float]:
    """Return closures identified and false ones in %, and the spread of the errors in ms, on new voices."""
    random = np.random.default_rng(seed)
    hit, false, total, errors = 0, 0, 0, [np.zeros(0)]
    for _ in range(count):
        pcm, closed = voice(random, 2 * SECONDS)
        said = network(torch.from_numpy(pcm[: len(pcm) // 16 * 16])[None, None])[0, 0].numpy()
        found, wrong, off = score_closures(instants(said), closed)
        hit, false, total = hit + found, false + wrong, total + closed.size
        errors.append(off)
    spread = float(np.concatenate(errors).std()) if hit else np.inf
    return 100 * hit / max(total, 1), 100 * false / max(total, 1), 1000 * spread


def batches(first: int) -> Iterator[Clips]:
    """Yield batches of a pool; each step renews some clips, and the first step makes the seed."""
    random = np.random.default_rng((SEED, first))
    sizes = BATCH // FRESH, POOL // FRESH
    for chosen in pool_batches(lambda: clips(random, FRESH), *sizes, random):
        pcm, labels = (torch.cat(parts) for parts in zip(*chosen, strict=True))
        yield pcm, labels


@torch.no_grad()
def score_network(network: VoiceSource, held: Clips, voices: int) -> tuple[float, str]:
    """Return the loss of held-out clips, and the scores of new voices to print."""
    hit, false, spread = scores(network, 2, voices)
    said = f"{hit:.1f} % identified, {false:.1f} % false, {spread:.3f} ms"
    return float(loss_of(network, held)), said


def train(minutes: float, out: Path, quick: bool = False) -> None:
    """Train for this number of minutes, those of earlier runs included."""
    torch.manual_seed(SEED)
    held = clips(np.random.default_rng(1), 2 if quick else 24)
    run_training(
        VoiceSource(),
        Plan(out, RATE_OF_LEARNING, minutes, 1 if quick else None),
        batches,
        loss_of,
        lambda average: score_network(average, held, 1 if quick else 8),
    )


def main() -> None:
    """Reads the command line and trains."""
    parser = argparse.ArgumentParser(description="Train the network of glottal closures.")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--quick", action="store_true", help="one step: does it run?")
    given = parser.parse_args()
    torch.set_num_threads(1)
    train(given.minutes, given.out, given.quick)


if __name__ == "__main__":
    main()
