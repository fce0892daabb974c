"""Trains the classifier whose features measure generated digits.

With the data of `train_digits` and torch installed:

    python -m edgekit.demos.train_digit_classifier package/src/digits

It prints the accuracy on the held-out tenth.
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor, nn

from edgekit.demos.digit_classifier import WEIGHTS, Classifier
from edgekit.demos.train_digits import load_digits, split
from edgekit.demos.weights import load, save

BATCH = 100
RATE = 3e-3
SHIFT = 2  # pixels, at most


def shift_images(images: Tensor) -> Tensor:
    """Return each image moved by up to 2 pixels either way, filled up with background."""
    size, n = images.shape[-1], len(images)
    wide = nn.functional.pad(images, (SHIFT,) * 4, value=-1.0)[:, 0]
    down, right = torch.randint(0, 2 * SHIFT + 1, (2, n))
    rows = down[:, None] + torch.arange(size)
    columns = right[:, None] + torch.arange(size)
    return wide[torch.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]][:, None]


def accuracy(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """The part of the images whose largest logit is their label's."""
    with torch.inference_mode():
        return float((network.eval()(images).argmax(1) == labels).float().mean())


def train(images: Tensor, labels: Tensor, epochs: int) -> Classifier:
    """Train for some epochs at a rate of one cycle."""
    torch.manual_seed(0)
    network = Classifier()
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=0.01)
    steps = len(labels) // BATCH
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, epochs * steps)
    for epoch in range(epochs):
        network.train()
        losses = 0.0
        for some in torch.randperm(len(labels))[: steps * BATCH].reshape(steps, BATCH):
            loss = nn.functional.cross_entropy(network(shift_images(images[some])), labels[some])
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            rate.step()
            losses += loss.item() / steps
        print(f"epoch {epoch + 1}: loss {losses:.4f}", flush=True)
    return network


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("digits", type=Path, help="the package's folder src/digits")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    given = parser.parse_args()
    learnt, held = split(*load_digits(given.digits))
    trained = train(*learnt, given.epochs)
    save(trained, given.out)
    load(trained, given.out)  # as it will be used
    print(f"held out: {accuracy(trained, *held):.2%} of {len(held[1])}")
