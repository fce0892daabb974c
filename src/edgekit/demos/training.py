"""What trainings of the demos share: runs of a given time, weights averaged, checkpoints to go on from."""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from edgekit.demos.weights import save

WARM_UP = 200  # steps

_Batch = TypeVar("_Batch")
_Network = TypeVar("_Network", bound=nn.Module)


@dataclass(frozen=True)
class Progress:
    """Steps and share of the time that are done, the loss, smoothed, and the network of averaged weights."""

    step: int
    done: float
    loss: float
    average: nn.Module

    def __str__(self) -> str:
        """For a line of a log."""
        return f"step {self.step}, {self.done:.0%} of the time: loss {self.loss:.4f}"


def train_steps(
    network: nn.Module,
    batches: Iterable[_Batch],
    loss_of: Callable[[_Batch], Tensor],
    rate: float,
    fall: Callable[[float], float],
    minutes: float,
    decay: float,
) -> Iterator[Progress]:
    """Train with AdamW until the time is over, which the last `Progress` says; gradients are at most 1 long.

    Args:
        network: is trained in place.
        batches: without end.
        loss_of: the loss of one batch.
        rate: the highest learning rate, after `WARM_UP` steps.
        fall: what share of it is left when a share of the time is done.
        minutes: the time.
        decay: of the average, a step.
    """
    average = deepcopy(network)
    optimizer = torch.optim.AdamW(network.parameters(), rate, betas=(0.9, 0.99), weight_decay=0.01)
    began, smooth = time.monotonic(), 1.0
    for step, batch in enumerate(batches, 1):
        done = (time.monotonic() - began) / (60 * minutes)
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1, step / WARM_UP) * fall(min(done, 1))
        loss = loss_of(batch)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        own = min(decay, step / (step + 9))
        for kept, new in zip(average.parameters(), network.parameters(), strict=True):
            kept.detach().lerp_(new.detach(), 1 - own)
        smooth += (loss.item() - smooth) * 0.01
        yield Progress(step, done, smooth, average)
        if done >= 1:
            return


@dataclass
class Run:
    """A training that goes on where it was stopped: what a checkpoint file holds.

    `seconds` are those that earlier runs took, `best` is the score of the weights that were kept.
    """

    file: Path
    network: nn.Module
    average: nn.Module
    optimizer: torch.optim.Optimizer
    best: float
    step: int = 0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        """Take what the file holds, if it is there."""
        self._began = time.monotonic()
        if not self.file.exists():
            return
        kept = torch.load(self.file, weights_only=True)
        for name in ("network", "average", "optimizer"):
            getattr(self, name).load_state_dict(kept[name])
        self.step, self.seconds, self.best = kept["step"], kept["seconds"], kept["best"]

    def spent(self) -> float:
        """Seconds, those of earlier runs included."""
        return self.seconds + time.monotonic() - self._began

    def keep(self, step: int) -> None:
        """Write the file anew after so many steps; what is there stays until the new one is whole."""
        states = {
            name: getattr(self, name).state_dict() for name in ("network", "average", "optimizer")
        }
        new = self.file.with_suffix(".new")
        torch.save({**states, "step": step, "seconds": self.spent(), "best": self.best}, new)
        new.replace(self.file)


def cosine_fall(done: float) -> float:
    """The share of the learning rate that is left when a share of the time is done: half a cosine, from 1 to 0.05."""
    return 0.05 + 0.95 * (0.5 + 0.5 * math.cos(math.pi * min(done, 1.0)))


@torch.no_grad()
def follow(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Move the averaged weights a little towards the trained ones; what is no float is copied."""
    trained = network.state_dict()
    for name, slow in average.state_dict().items():
        if slow.is_floating_point():
            slow.lerp_(trained[name], 1 - decay)
        else:
            slow.copy_(trained[name])


def resumable(
    network: _Network,
    out: Path,
    rate: float,
    minutes: float,
    batches: Callable[[int], Iterator[_Batch]],
    loss_of: Callable[[_Network, _Batch], Tensor],
    judge: Callable[[_Network], tuple[float, str]],
    steps: int | None = None,
    every: int = 100,
) -> None:
    """Train with AdamW until so many minutes were spent, those of earlier runs included.

    What `Run` keeps is beside `out`, as .checkpoint. The weights in `out` are averaged ones, the best by `judge`.

    Args:
        network: is trained in place.
        out: the file of the weights.
        rate: the highest learning rate, after 100 steps; it falls by `cosine_fall`.
        minutes: the time.
        batches: of the first step of this run, the batches from there on, without end.
        loss_of: the loss of a network on a batch.
        judge: gives the score of a network on what is held out, the smaller the better, and what to print of it.
        steps: in the place of the time.
        every: so many steps the network is judged and kept.
    """
    average = deepcopy(network)
    optimizer = torch.optim.AdamW(network.parameters(), rate, weight_decay=0.01)
    run = Run(out.with_suffix(".checkpoint"), network, average, optimizer, best=math.inf)
    first, done, total = run.step, 0.0, 0.0
    step, drawn = first, batches(first + 1)
    while done < 1:
        step += 1
        done = min((step - first) / steps if steps else run.spent() / (60 * minutes), 1.0)
        optimizer.param_groups[0]["lr"] = rate * min(1, step / 100) * cosine_fall(done)
        loss = loss_of(network, next(drawn))
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        follow(average, network, min(0.99, step / (step + 20)))
        total += loss.item()
        if step % every == 0 or done >= 1:
            average.eval()
            score, said = judge(average)
            print(
                f"{done:.0%} step {step}: loss {total / every:.4f}, held {score:.4f}: {said}",
                flush=True,
            )
            total = 0.0
            if score < run.best:
                run.best = score
                save(average, out)
            average.train()
            run.keep(step)
