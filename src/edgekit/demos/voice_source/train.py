"""Trains the network on synthesised voices, on recordings with marks of closures, and on speech.

    python -m edgekit.demos.voice_source.train --minutes 30 --out first.npz
    python -m edgekit.demos.voice_source.train --minutes 20 --start-from first.npz --diphones kal.group --speech VOICE

The first line needs no files. The second one goes on from its weights, which also find the closures of the speech
(`material`). A run that was stopped, or that is given more ``--minutes``, goes on from OUT.checkpoint. The weights
that are kept are the best on clips held out: synthesised ones, and every twelfth recording. The seed is fixed, but a
run is limited by time, so its number of steps depends on the machine. report.md describes the committed weights.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from edgekit.base.arrays import Float32, Float64
from edgekit.demos.training import Plan, pool_batches, run_training
from edgekit.demos.voice_source.closures import HOP, RATE, instants, score_closures
from edgekit.demos.voice_source.diphones import read_diphones
from edgekit.demos.voice_source.material import (
    MarkedSound,
    Material,
    read_speech,
    recordings_of_diphones,
)
from edgekit.demos.voice_source.network import WEIGHTS, VoiceSource
from edgekit.demos.voice_source.synthesis import voice
from edgekit.demos.weights import load

BATCH, FRESH, POOL, SECONDS = 12, 3, 240, 1.0
SEED = 1985
RATE_OF_LEARNING = 4e-3
CLOSED_COST = 4.0  # of samples near a closure, relative to the others

HELD_OUT = 12  # of so many recordings, one is

Clips = tuple[
    Tensor, Tensor, Tensor
]  # PCM, targets, and weights of samples, (clips, 1, samples) each


def clips(material: Material, count: int) -> Clips:
    """Draw clips."""
    drawn = [material.clip() for _ in range(count)]
    pcm, targets, weights = (
        torch.from_numpy(np.stack(part))[:, None] for part in zip(*drawn, strict=True)
    )
    return pcm, targets, weights


def loss_of(network: VoiceSource, heard: Clips) -> Tensor:
    """Cross entropy where closures are known, of samples near a closure more than of others."""
    pcm, targets, weights = heard
    each = F.binary_cross_entropy_with_logits(network.logits(pcm), targets, reduction="none")
    return torch.as_tensor((each * weights * (1 + CLOSED_COST * targets)).sum() / weights.sum())


@torch.no_grad()
def find_closures(network: VoiceSource, pcm: Float32) -> Float64:
    """Return closures in seconds."""
    whole = np.pad(pcm, (0, 8 * HOP - pcm.size % HOP))
    return instants(network(torch.from_numpy(whole)[None, None])[0, 0].numpy())


@torch.no_grad()
def scores(network: VoiceSource, seed: int, count: int) -> tuple[float, float, float]:
    """Return closures identified and false ones in %, and the spread of the errors in ms, on new voices."""
    random = np.random.default_rng(seed)
    hit, false, total, errors = 0, 0, 0, [np.zeros(0)]
    for _ in range(count):
        pcm, closed = voice(random, 2 * SECONDS)
        found, wrong, off = score_closures(find_closures(network, pcm), closed)
        hit, false, total = hit + found, false + wrong, total + closed.size
        errors.append(off)
    spread = float(np.concatenate(errors).std()) if hit else np.inf
    return 100 * hit / max(total, 1), 100 * false / max(total, 1), 1000 * spread


def read_recordings(
    network: VoiceSource, diphones: Path | None, speech: list[Path]
) -> tuple[list[MarkedSound], list[MarkedSound]]:
    """Return the recordings of a .group file, and of folders of speech, with closures."""
    network.eval()
    of_marks = list(read_diphones(diphones)) if diphones else []
    files = [file for folder in speech for file in sorted(folder.glob("*.wav"))]
    return (
        recordings_of_diphones(of_marks, lambda pcm: find_closures(network, pcm))
        if of_marks
        else [],
        [read_speech(file, lambda pcm: find_closures(network, pcm)) for file in files],
    )


def hold_out(recordings: list[MarkedSound], held: bool) -> list[MarkedSound]:
    """Return the recordings that are held out, or the others."""
    return [one for n, one in enumerate(recordings) if (n % HELD_OUT == 0) == held]


@torch.no_grad()
def score_network(network: VoiceSource, held: Clips, voices: int) -> tuple[float, str]:
    """Return the loss of held-out clips, and the scores of new voices to print."""
    hit, false, spread = scores(network, 2, voices)
    said = f"{hit:.1f} % identified, {false:.1f} % false, {spread:.3f} ms"
    return float(loss_of(network, held)), said


def train(
    minutes: float,
    out: Path,
    quick: bool = False,
    start_from: Path | None = None,
    diphones: Path | None = None,
    speech: list[Path] | None = None,
) -> None:
    """Train for this number of minutes, those of earlier runs included; see the module for the files."""
    torch.manual_seed(SEED)
    network, size = VoiceSource(), int(SECONDS * RATE)
    if start_from is not None:
        load(network, start_from)
    every = read_recordings(network, diphones, speech or [])
    held = clips(
        Material(np.random.default_rng(1), size, *(hold_out(kind, True) for kind in every)),
        2 if quick else 24,
    )

    def batches(first: int) -> Iterator[Clips]:
        random = np.random.default_rng((SEED, first))
        material = Material(random, size, *(hold_out(kind, False) for kind in every))
        sizes = BATCH // FRESH, POOL // FRESH
        for chosen in pool_batches(lambda: clips(material, FRESH), *sizes, random):
            pcm, targets, weights = (torch.cat(parts) for parts in zip(*chosen, strict=True))
            yield pcm, targets, weights

    run_training(
        network.train(),
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
    parser.add_argument("--start-from", type=Path, help="weights of an earlier run")
    parser.add_argument("--diphones", type=Path, help="the .group file of a voice of Festival")
    parser.add_argument("--speech", type=Path, nargs="+", default=[], help="folders of .wav files")
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    train(given.minutes, given.out, given.quick, given.start_from, given.diphones, given.speech)


if __name__ == "__main__":
    main()
