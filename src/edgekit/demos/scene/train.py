"""Trains the scene network.

    python -m edgekit.demos.scene.train heard sounds --minutes 60

``heard`` is made by `edgekit.demos.wake.prepare`, ``sounds`` by `edgekit.demos.scene.prepare`. A run that was stopped,
or that is given more ``--minutes``, goes on from OUT.checkpoint. The weights that are kept are the best on scenes that
it does not train on, of the same sounds, so that all sounds held out are new to it.
The seed is fixed, but a run is limited by time, so its number of steps depends on the machine. report.md describes the
committed weights.

Scenes of 4 s are kept in a pool. Each is used some twenty times, rotated and mirrored along the axes.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from edgekit.demos.scene.facts import CLASSES, LATE
from edgekit.demos.scene.network import WEIGHTS, Scene
from edgekit.demos.scene.scene_scores import Scores
from edgekit.demos.scene.scenes import Scenes
from edgekit.demos.training import Plan, pool_batches, run_training
from edgekit.demos.weights import load

BATCH, POOL, HELD = 16, 1024, 96  # scenes: of a step, kept, to choose the weights by
SEED = 2021
RATE_OF_LEARNING = 2e-3

Batch = tuple[Tensor, Tensor]


def batches(scenes: Scenes, size: int, first: int) -> Iterator[Batch]:
    """Yield batches of a pool that grows to a fixed number of scenes; each step renews one, and rotates all.

    The first step makes the seed.
    """
    random = scenes.random = np.random.default_rng((SEED, first))
    for chosen in pool_batches(lambda: scenes.batch(1), BATCH, size, random):
        features, labels = zip(*(rotate_scene(scene, random) for scene in chosen), strict=True)
        yield torch.cat(features), torch.cat(labels)


def rotate_scene(scene: Batch, random: np.random.Generator) -> Batch:
    """Features (1, 7, bands, frames) and labels (1, frames, 12) of one of 16 rotations and mirrors of a scene."""
    features, labels = scene
    signs = torch.from_numpy(random.choice([-1.0, 1.0], 3).astype(np.float32))  # of X, Y, Z
    swap = random.random() < 0.5
    levels, directions = features[:, :4], features[:, 4:]  # W, Y, Z, X and Y, Z, X
    if swap:
        levels, directions = levels[:, [0, 3, 2, 1]], directions[:, [2, 1, 0]]
    directions = directions * signs[[1, 2, 0]][None, :, None, None]
    vectors = labels.reshape(1, -1, len(CLASSES), 3)
    vectors = (vectors[..., [1, 0, 2]] if swap else vectors) * signs
    return torch.cat([levels, directions], 1), vectors.flatten(2)


def loss_of(network: nn.Module, batch: Batch) -> Tensor:
    """Mean squared error of the vectors."""
    features, labels = batch
    return nn.functional.mse_loss(network(features)[:, LATE:], labels[:, LATE:])


@torch.no_grad()
def score_network(network: nn.Module, held: Batch) -> tuple[float, str]:
    """The loss, and the scores of DCASE 2021."""
    features, labels = held
    said = network(features)
    loss = float(nn.functional.mse_loss(said[:, LATE:], labels[:, LATE:]))
    scores, shape = Scores(), (-1, len(CLASSES), 3)
    for one, known in zip(said.numpy(), labels.numpy(), strict=True):
        scores.add(one[LATE:].reshape(shape), known[LATE:].reshape(shape))
    return loss, f"F20 {scores.f20:.1f} %, {scores.error_deg:.1f} deg, recall {scores.recall:.1f} %"


def train(
    heard: Path,
    sounds: Path,
    minutes: float,
    out: Path,
    quick: bool = False,
    start_from: Path | None = None,
) -> None:
    """Train for this number of minutes, those of earlier runs included."""
    torch.manual_seed(SEED)
    network = Scene()
    if start_from is not None:
        load(network, start_from)
    held = Scenes(heard, sounds, "train", SEED + 1).batch(4 if quick else HELD)
    scenes = Scenes(heard, sounds, "train", SEED)
    run_training(
        network,
        Plan(out, RATE_OF_LEARNING, minutes, 2 if quick else None),
        lambda first: batches(scenes, BATCH if quick else POOL, first),
        loss_of,
        lambda average: score_network(average, held),
    )


def main() -> None:
    """Reads the command line and trains."""
    parser = argparse.ArgumentParser(
        description="Train the network of sounds and their directions."
    )
    parser.add_argument("heard", type=Path, help="folder that edgekit.demos.wake.prepare made")
    parser.add_argument("sounds", type=Path, help="folder that edgekit.demos.scene.prepare made")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--start-from", type=Path, help="weights of an earlier run")
    parser.add_argument("--quick", action="store_true", help="two steps: does it run?")
    given = parser.parse_args()
    torch.set_num_threads(1)
    train(given.heard, given.sounds, given.minutes, given.out, given.quick, given.start_from)


if __name__ == "__main__":
    main()
