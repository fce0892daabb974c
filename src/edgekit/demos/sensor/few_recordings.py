"""Trains the two networks on a few recordings of a minute each: how far does each come with so little?

The networks see their recordings again and again, so each step disturbs them: an offset for each pad, noise, and
dropout. Without these, both learn the recordings by heart. State-space layers begin with memories of 20 to 2,000 of
their steps. That suits the flat network. A chunk has 10 samples and a recording 300 chunks, so the hierarchy begins
with memories a tenth as long. ``python bench sensor_few`` compares them.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from edgekit.demos.sensor.data import CHUNK, DRIFT, NOISE, PADS, RATE, recordings
from edgekit.demos.sensor.network import Flat, Hierarchy, Layer, fresh
from edgekit.demos.sensor.train import UNJUDGED
from edgekit.demos.training import follow
from edgekit.export.own_operators.ssm import DiagonalSSM

SECONDS = 60
DROPOUT = 0.2
WARM_UP = 0.2  # of the steps


@dataclass(frozen=True)
class FewRecordings:
    """A training on a few recordings.

    Attributes:
        count: of the recordings, which all are in each step.
        draw: makes the recordings and the first weights.
        steps: of the training.
        rate: the highest learning rate.
    """

    count: int
    draw: int
    steps: int
    rate: float

    def train(self, kind: str) -> Hierarchy | Flat:
        """Return a network of `KINDS` in eval mode, whose weights are averaged over the last steps."""
        torch.manual_seed(self.draw)
        drawn = recordings(np.random.default_rng((50, self.draw)), self.count, SECONDS * RATE)
        pads, exact = map(torch.from_numpy, drawn)
        network, average = fresh(kind), fresh(kind)
        if kind == "hierarchy":
            shorten_memories(network)
        average.load_state_dict(network.state_dict())
        for layer in network.modules():
            if isinstance(layer, Layer):
                layer.dropout = DROPOUT
        optimizer = torch.optim.AdamW(network.parameters(), self.rate, weight_decay=0.01)
        for step in range(1, self.steps + 1):
            fall = 0.5 + 0.5 * float(np.cos(np.pi * step / self.steps))
            optimizer.param_groups[0]["lr"] = (
                self.rate * min(1, step / (WARM_UP * self.steps)) * fall
            )
            offset = DRIFT * torch.randn(self.count, 1, PADS)
            found = network(pads + offset + NOISE * torch.randn(pads.shape))
            loss = F.mse_loss(found[:, UNJUDGED:], exact[:, UNJUDGED:])
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            follow(average, network, min(0.9, step / (step + 20)))
        return average.eval()


@torch.no_grad()
def shorten_memories(network: nn.Module) -> None:
    """Divide how many steps each state-space layer remembers by the length of a chunk."""
    for layer in network.modules():
        if isinstance(layer, DiagonalSSM):
            layer.log_step.add_(math.log(CHUNK))
