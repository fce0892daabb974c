"""A training on a few recordings."""

from dataclasses import replace

import pytest
import torch

from edgekit.demos.sensor.data import CHUNK
from edgekit.demos.sensor.few_recordings import FewRecordings, shorten_memories
from edgekit.demos.sensor.network import KINDS, Layer


@pytest.mark.parametrize("kind", KINDS)
def test_a_draw_makes_the_weights(kind: str) -> None:
    plan = FewRecordings(count=2, draw=1, steps=2, rate=2e-3)
    first, again, other = (p.train(kind) for p in (plan, plan, replace(plan, draw=2)))
    assert torch.equal(first.leave.weight, again.leave.weight)
    assert not torch.equal(first.leave.weight, other.leave.weight)


def test_dropout_ends_with_the_training() -> None:
    network = FewRecordings(count=1, draw=0, steps=1, rate=1e-3).train("hierarchy")
    assert all(not layer.dropout for layer in network.modules() if isinstance(layer, Layer))
    pads = torch.randn(1, 60, 4)
    assert torch.equal(network(pads), network(pads))


def test_a_step_forgets_as_much_as_ten_did() -> None:
    layer = Layer(4)
    before = layer.remember.discretized()[0].norm(dim=0)
    shorten_memories(layer)
    after = layer.remember.discretized()[0].norm(dim=0)
    torch.testing.assert_close(after, before**CHUNK)
