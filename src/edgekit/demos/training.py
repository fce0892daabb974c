"""The common part of the demos' trainings: runs of a given time, averaged weights, checkpoints to go on from."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
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
    """Train with AdamW until the time is over, as the last `Progress` shows; gradients are at most 1 long.

    Args:
        network: it is trained in place.
        batches: without end.
        loss_of: the loss of one batch.
        rate: the highest learning rate, after `WARM_UP` steps.
        fall: the share of it that is left when a share of the time is done.
        minutes: the time.
        decay: of the average, per step.
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
    """A training that goes on where it was stopped: the contents of a checkpoint file.

    `seconds` are those of earlier runs, `best` is the score of the kept weights.
    """

    file: Path
    network: nn.Module
    average: nn.Module
    optimizer: torch.optim.Optimizer
    best: float
    step: int = 0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        """Load the file, if it exists."""
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
        """Write the file after this number of steps; the old one stays until the new one is complete."""
        states = {
            name: getattr(self, name).state_dict() for name in ("network", "average", "optimizer")
        }
        new = self.file.with_suffix(".new")
        torch.save({**states, "step": step, "seconds": self.spent(), "best": self.best}, new)
        new.replace(self.file)


def cosine_fall(done: float) -> float:
    """The share of the learning rate that is left when a share of the time is done: half a cosine, from 1 to 0.05."""
    return 0.05 + 0.95 * (0.5 + 0.5 * math.cos(math.pi * min(done, 1.0)))


def steep_fall(done: float) -> float:
    """Fall as `cosine_fall`, from 1 to 0.02."""
    return 0.02 + 0.49 * (1 + math.cos(math.pi * done))


@torch.no_grad()
def follow(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Move the averaged weights a little towards the trained ones; values that are no floats are copied."""
    trained = network.state_dict()
    for name, slow in average.state_dict().items():
        if slow.is_floating_point():
            slow.lerp_(trained[name], 1 - decay)
        else:
            slow.copy_(trained[name])


@dataclass(frozen=True)
class Plan:
    """The plan of a training.

    Attributes:
        out: the file of the weights.
        rate: the highest learning rate.
        minutes: the time, that of earlier runs included.
        steps: instead of the time.
        every: steps between two judgements of the network.
        warm_up: steps until the rate is reached.
        fall: the share of it that is left when a share of the time is done.
        longest: the most that a gradient's norm may be.
        decay: of the average, per step; less for the first ones.
        weight_decay: of AdamW.
        betas: of AdamW.
    """

    out: Path
    rate: float
    minutes: float
    steps: int | None = None
    every: int = 100
    warm_up: int = 100
    fall: Callable[[float], float] = cosine_fall
    longest: float = 1.0
    decay: float = 0.99
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.999)


def run_training(
    network: _Network,
    plan: Plan,
    batches: Callable[[int], Iterator[_Batch]],
    loss_of: Callable[[_Network, _Batch], Tensor],
    judge: Callable[[_Network], tuple[float, str]],
) -> None:
    """Train with AdamW until the time of a plan is spent.

    `Run` is stored next to `plan.out`, as .checkpoint. The weights there are averaged ones, the best by `judge`.

    Args:
        network: it is trained in place.
        plan: the settings.
        batches: of the first step of this run, the batches from there on, without end.
        loss_of: the loss of a network on a batch.
        judge: returns the score of a network on held-out data, the smaller the better, and a text to print.
    """
    average = deepcopy(network)
    optimizer = torch.optim.AdamW(
        network.parameters(), plan.rate, betas=plan.betas, weight_decay=plan.weight_decay
    )
    run = Run(plan.out.with_suffix(".checkpoint"), network, average, optimizer, best=math.inf)
    first, done, losses = run.step, 0.0, list[float]()
    step, drawn = first, batches(first + 1)
    while done < 1:
        step += 1
        spent = (step - first) / plan.steps if plan.steps else run.spent() / (60 * plan.minutes)
        done = min(spent, 1.0)
        rate = plan.rate * min(1, step / plan.warm_up) * plan.fall(done)
        optimizer.param_groups[0]["lr"] = rate
        loss = loss_of(network, next(drawn))
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(network.parameters(), plan.longest)
        optimizer.step()
        follow(average, network, min(plan.decay, step / (step + 20)))
        losses.append(loss.item())
        if step % plan.every == 0 or done >= 1:
            average.eval()
            score, said = judge(average)
            mean = sum(losses) / len(losses)
            print(f"{done:.0%} step {step}: loss {mean:.4f}, held {score:.4f}: {said}", flush=True)
            losses.clear()
            if score < run.best:
                run.best = score
                save(average, plan.out)
            average.train()
            run.keep(step)


def pool_batches(
    draw: Callable[[], _Batch], size: int, most: int, random: np.random.Generator
) -> Iterator[list[_Batch]]:
    """Yield `size` items of a pool. Each step draws a new item; beyond `most` the oldest is dropped.

    Args:
        draw: returns a new item.
        size: items of a step, all different.
        most: items of the pool.
        random: chooses them.
    """
    pool = deque((draw() for _ in range(size)), most)
    while True:
        pool.append(draw())
        yield [pool[i] for i in random.choice(len(pool), size, False)]
