"""A MobileNet-like classifier of scikit-learn's 8 x 8 digits, trained in seconds, for `quant_goals`."""

from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits  # type: ignore[import-untyped]
from torch import Tensor, nn
from vision import Inverted

Images = NDArray[np.float32]
EPOCHS, BATCH = 30, 64


class DigitsNet(nn.Module):
    """Inverted residuals on (1, 1, 8, 8) images of values from 0 to 1: logits (1, 10)."""

    def __init__(self) -> None:
        """Make it with seeded weights."""
        super().__init__()
        torch.manual_seed(0)
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, 1, 1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU6(),
            Inverted(16, 16, 1, 4),
            Inverted(16, 24, 2, 4),
            Inverted(24, 24, 1, 4),
            Inverted(24, 32, 2, 4),
        )
        self.classes = nn.Linear(32, 10)

    def forward(self, image: Tensor) -> Tensor:
        """(batch, 1, 8, 8) -> (batch, 10)."""
        logits: Tensor = self.classes(self.features(image).mean((2, 3)))
        return logits


@cache
def data() -> tuple[Images, NDArray[np.int64], Images, NDArray[np.int64]]:
    """Images (n, 1, 8, 8) and labels to train with, and others to test with, every third one."""
    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    test = np.arange(len(images)) % 3 == 0
    return images[~test], labels[~test], images[test], labels[test]


@cache
def trained() -> DigitsNet:
    """The trained network."""
    net, (images, labels, _, _) = DigitsNet(), data()
    optimizer = torch.optim.AdamW(net.parameters(), 3e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 1e-2, epochs=EPOCHS, steps_per_epoch=-(-len(images) // BATCH)
    )
    random = np.random.default_rng(0)
    for _ in range(EPOCHS):
        for chosen in np.array_split(random.permutation(len(images)), -(-len(images) // BATCH)):
            loss = nn.functional.cross_entropy(
                net(torch.from_numpy(images[chosen])), torch.from_numpy(labels[chosen])
            )
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    return net.eval()


def factory() -> tuple[nn.Module, tuple[Tensor, ...]]:
    """What `edgekit export digits_net:factory` takes."""
    return trained(), (torch.zeros(1, 1, 8, 8),)
