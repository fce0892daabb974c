"""Trains the extraction network on the sounds of `prepare.py`.

    python -m edgekit.demos.target_speech.train voices --minutes 120

A run that was stopped, or that is given more ``--minutes``, goes on from OUT.checkpoint. The loss is the
signal-to-noise ratio at both ears, not scaled, so that the sound keeps its level and its direction. Scenes are drawn
anew for every step; the embedding is the teacher's, of other sentences of the talker. The weights that are kept are the
best on sentences held out of the voices of the training. report.md describes the committed weights.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from edgekit.demos.target_speech.ear_scores import si_snr_db
from edgekit.demos.target_speech.head import RATE
from edgekit.demos.target_speech.network import HOP, OVERLAP, WEIGHTS, Extractor
from edgekit.demos.target_speech.scenes import Scene, Scenes
from edgekit.demos.training import Plan, run_training
from edgekit.demos.weights import load

BATCH = 4  # scenes of a step, each used for both of its talkers
SEED = 20_261
RATE_OF_LEARNING, WARM_UP = 2e-3, 200  # steps
JUDGED_EVERY, JUDGED = 400, 40  # steps, scenes
JUDGED_S = 3.0
BEST_DB = 30.0  # above this nothing more is asked
QUICK_STEPS, QUICK_SCENES = 3, 2

Batch = tuple[Tensor, Tensor, Tensor]  # mixtures, embeddings and sound of both talkers


def loss_of(heard: Tensor, target: Tensor) -> Tensor:
    """Minus the signal-to-noise ratio in dB of clips (clips, 2, samples); their last samples are not whole."""
    heard, target = heard[..., :-OVERLAP], target[..., :-OVERLAP]
    signal = target.square().sum(-1)
    noise = (heard - target).square().sum(-1) + signal * 10 ** (-BEST_DB / 10)
    return 10 * torch.log10((noise + 1e-9) / (signal + 1e-9)).mean()


@torch.no_grad()
def gains_db(network: Extractor, scenes: list[Scene], speakers: Tensor) -> tuple[float, float]:
    """Mean gain of SI-SNR over scenes, and how often (%) the output is nearer to the target than to the other."""
    gains, right = [], []
    for scene, speaker in zip(scenes, speakers, strict=True):
        heard = network(torch.from_numpy(scene.mixed)[None], speaker[None])[0].numpy()
        mixed, target, other, heard = (
            sound[:, :-OVERLAP] for sound in (scene.mixed, scene.target, scene.other, heard)
        )
        after = si_snr_db(heard, target)
        gains.append(after - si_snr_db(mixed, target))
        right.append(after > si_snr_db(heard, other))
    return float(np.mean(gains)), 100 * float(np.mean(right))


def train(folder: Path, minutes: float, out: Path, quick: bool, start_from: Path | None) -> None:
    """Train, and write the best weights to ``out``."""
    torch.manual_seed(SEED)
    scenes = Scenes(folder, "train", SEED)
    held = Scenes(folder, "held", 1, int(JUDGED_S * RATE) // HOP * HOP)
    judged = [
        held.scene((0.0, 0.0), (-10.0, -10.0)) for _ in range(QUICK_SCENES if quick else JUDGED)
    ]
    speakers = torch.from_numpy(np.stack([held.embedding(scene.talkers[0]) for scene in judged]))
    print(f"{len(scenes.voices)} voices, {len(scenes.talkers)} talkers", flush=True)
    network = Extractor()
    network.centre.copy_(torch.from_numpy(np.concatenate(list(scenes.embeddings.values())).mean(0)))
    if start_from is not None:
        load(network, start_from)

    def batches(first: int) -> Iterator[Batch]:
        scenes.random = np.random.default_rng(SEED + first)
        while True:
            yield scenes.batch(BATCH)

    def judge(average: Extractor) -> tuple[float, str]:
        gain, right = gains_db(average, judged, speakers)
        return -gain, f"gain {gain:.2f} dB, {right:.0f} % nearer to the target"

    plan = Plan(
        out,
        RATE_OF_LEARNING,
        minutes,
        QUICK_STEPS if quick else None,
        JUDGED_EVERY,
        WARM_UP,
        longest=5.0,
        decay=0.995,
    )
    run_training(
        network, plan, batches, lambda network, b: loss_of(network(b[0], b[1]), b[2]), judge
    )


def main() -> None:
    """Reads the command line and trains."""
    parser = argparse.ArgumentParser(description="Train the extraction network.")
    parser.add_argument("voices", type=Path, help="folder that prepare.py made")
    parser.add_argument("--minutes", type=float, default=120.0)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--start-from", type=Path, help="weights of an earlier run")
    parser.add_argument("--quick", action="store_true", help="a few steps: does it run?")
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # silence would take twice as long
    train(given.voices, given.minutes, given.out, given.quick, given.start_from)


if __name__ == "__main__":
    main()
