"""The classifier whose features measure generated digits; `edgekit.demos.digit_reader` runs it without torch."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from edgekit.base.arrays import Array, Float64
from edgekit.demos.weights import load

WEIGHTS = Path(__file__).with_name("digit_classifier.npz")
FEATURES = 64
BATCH = 250


class Classifier(nn.Module):
    """(batch, 1, 28, 28) in [-1, 1] -> (batch, 10) logits; `features` are the values before the last layer."""

    def __init__(self) -> None:
        """A network with random weights; `load_classifier` makes the trained one."""
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 16, 3, 1, 1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, 1, 1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, 2, 1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(64 * 4 * 4, FEATURES),
            nn.ReLU(),
        )
        self.drop = nn.Dropout(0.2)
        self.last = nn.Linear(FEATURES, 10)

    def features(self, images: Tensor) -> Tensor:
        """(batch, 64), from 0 up."""
        y: Tensor = self.layers(images)
        return y

    def forward(self, images: Tensor) -> Tensor:
        """Logits of the ten digits."""
        y: Tensor = self.last(self.drop(self.features(images)))
        return y


def load_classifier(path: Path = WEIGHTS) -> Classifier:
    """The trained network, in eval mode."""
    network = Classifier()
    load(network, path)
    return network.eval()


def features_of(network: Classifier, images: Array) -> Float64:
    """(n, 1, 28, 28) in about [-1, 1] -> (n, 64)."""
    return np.concatenate(list(_features(network, images))).astype(np.float64)


def _features(network: Classifier, images: Array) -> Iterator[Array]:
    with torch.inference_mode():
        for first in range(0, len(images), BATCH):
            some = torch.from_numpy(np.asarray(images[first : first + BATCH], np.float32))
            yield network.features(some.clamp(-1, 1)).numpy()
