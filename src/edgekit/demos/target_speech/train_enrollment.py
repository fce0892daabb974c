"""Trains the enrollment network on the sounds of `prepare.py`.

    python -m edgekit.demos.target_speech.train_enrollment voices --minutes 40

A run that was stopped, or that is given more ``--minutes``, goes on from OUT.checkpoint. A scene of 3 s has the talker
straight ahead, another one and a noise elsewhere. The target of the embedding at its end and its middle is the
teacher's of the clean voice, the mean of some. Features of scenes are kept in a pool and used some eight times. The
weights that are kept are the best on sentences held out of the voices of the training.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from edgekit.demos.target_speech.enrollment import HOP, WEIGHTS, Enroller
from edgekit.demos.target_speech.head import RATE
from edgekit.demos.target_speech.scenes import Scenes
from edgekit.demos.training import Plan, pool_batches, run_training
from edgekit.demos.weights import load

SECONDS = 3.0
BATCH, FRESH, POOL = 16, 2, 512  # scenes: of a step, new in a step, kept
SEED = 20_262
RATE_OF_LEARNING = 2e-3
SHARPNESS = 20.0  # of the choice between talkers
JUDGED = 48  # scenes
QUICK_STEPS, QUICK_SCENES = 3, 4

Material = tuple[Tensor, Tensor]  # features (scenes, 2, bands, frames), places of the talkers


class EnrollmentScenes:
    """Scenes of a part, and the target embeddings of their talkers."""

    def __init__(self, network: Enroller, scenes: Scenes) -> None:
        """Features are those of the network."""
        self.network, self.scenes = network, scenes
        mean = np.stack([scenes.embeddings[talker].mean(0) for talker in scenes.talkers])
        self.talkers = F.normalize(torch.from_numpy(mean))

    @torch.no_grad()
    def draw(self, count: int) -> Material:
        """Draw new scenes."""
        drawn = [self.scenes.scene(ahead=True) for _ in range(count)]
        seen = self.network.features(torch.from_numpy(np.stack([scene.mixed for scene in drawn])))
        places = [self.scenes.talkers.index(scene.talkers[0]) for scene in drawn]
        return seen, torch.tensor(places)


def loss_of(said: Tensor, places: Tensor, talkers: Tensor) -> Tensor:
    """Return the loss of embeddings (scenes, 256, frames) at half and at the end: angle to the talker, and choice."""
    total = torch.zeros(())
    for frame in (said.shape[2] // 2, -1):
        alike = said[:, :, frame] @ talkers.T
        own = alike.gather(1, places[:, None])
        total = total + (1 - own).mean() + 0.1 * F.cross_entropy(SHARPNESS * alike, places)
    return total / 2


@torch.no_grad()
def judge(network: Enroller, heard: Material, talkers: Tensor) -> tuple[float, float]:
    """Mean cosine to the own talker at the end, and how often (%) no other one is nearer."""
    seen, places = heard
    alike = network.embeddings(seen)[:, :, -1] @ talkers.T
    own = alike.gather(1, places[:, None])
    return float(own.mean()), 100 * float((alike.argmax(1) == places).float().mean())


def train(folder: Path, minutes: float, out: Path, quick: bool, start_from: Path | None) -> None:
    """Train, and write the best weights to ``out``."""
    torch.manual_seed(SEED)
    network, size = Enroller(), int(SECONDS * RATE) // HOP * HOP
    if start_from is not None:
        load(network, start_from)
    heard = EnrollmentScenes(network, Scenes(folder, "train", SEED, size))
    held = EnrollmentScenes(network, Scenes(folder, "held", 1, size))
    judged = held.draw(QUICK_SCENES if quick else JUDGED)

    def batches(first: int) -> Iterator[Material]:
        heard.scenes.random, random = (np.random.default_rng(SEED + first) for _ in range(2))
        sizes = BATCH // FRESH, POOL // FRESH
        for drawn in pool_batches(lambda: heard.draw(FRESH), *sizes, random):
            seen, places = (torch.cat(parts) for parts in zip(*drawn, strict=True))
            yield seen, places

    def score(average: Enroller) -> tuple[float, str]:
        own, right = judge(average, judged, held.talkers)
        return -own, f"cosine {own:.3f}, {right:.0f} % nearest to their own"

    run_training(
        network,
        Plan(out, RATE_OF_LEARNING, minutes, QUICK_STEPS if quick else None, warm_up=50),
        batches,
        lambda network, batch: loss_of(network.embeddings(batch[0]), batch[1], heard.talkers),
        score,
    )


def main() -> None:
    """Reads the command line and trains."""
    parser = argparse.ArgumentParser(description="Train the enrollment network.")
    parser.add_argument("voices", type=Path, help="folder that prepare.py made")
    parser.add_argument("--minutes", type=float, default=40.0)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--start-from", type=Path, help="weights of an earlier run")
    parser.add_argument("--quick", action="store_true", help="a few steps: does it run?")
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    train(given.voices, given.minutes, given.out, given.quick, given.start_from)


if __name__ == "__main__":
    main()
