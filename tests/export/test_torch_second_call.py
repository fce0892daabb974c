"""The cause of another output on a second call is named: the line of random numbers, or the attribute."""

import pytest
import torch
from torch import Tensor, nn

from edgekit.base.errors import ModelError
from edgekit.export.from_torch import from_torch
from edgekit.export.torch_source import TorchModule


class Random(nn.Module):
    """Adds noise."""

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.rand_like(x)


class Attribute(nn.Module):
    """Keeps its last output, and not in a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.past: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        self.past = x if self.past is None else 0.5 * self.past + x
        return self.past


class InPlace(nn.Module):
    """Divides its input in place."""

    def forward(self, x: Tensor) -> Tensor:
        x /= x.abs().max() + 1
        return x * 2


def loaded(module: nn.Module) -> TorchModule:
    return TorchModule("module", module.eval(), {"x": torch.randn(1, 4)})


@pytest.mark.parametrize(
    ("module", "found"),
    [
        (Random(), r"random numbers, in test_torch_second_call.py line \d+: return x"),
        (Attribute(), "attribute 'past'.*forward writes it.*register_buffer"),
    ],
)
def test_the_cause_is_named(module: nn.Module, found: str) -> None:
    with pytest.raises(ModelError, match=found):
        from_torch(loaded(module), name="module")


def test_an_input_may_be_written_to() -> None:
    model, _ = from_torch(loaded(InPlace()), name="module")
    assert not model.states
