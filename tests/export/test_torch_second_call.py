"""The cause of another output on a second call is named: the line of random numbers, or the attribute."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from edgekit.base.errors import ModelError
from edgekit.export.from_torch import from_torch
from edgekit.export.torch_source import TorchModule


class Random(nn.Module):
    """Adds noise."""

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.rand_like(x)


class Dropout(nn.Module):
    """Drops also in eval mode, as F.dropout does by default."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.dropout(x) * 2


class Attention(nn.Module):
    """Drops weights of attention, whatever its mode."""

    def forward(self, x: Tensor) -> Tensor:
        q = x[None]
        return functional.scaled_dot_product_attention(q, q, q, dropout_p=0.5)


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
    return TorchModule("module", module.eval(), {"x": torch.randn(8, 16)})


@pytest.mark.parametrize(
    ("module", "found"),
    [
        (Random(), r"random numbers, in test_torch_second_call.py line \d+: return x.*see --noise"),
        (Dropout(), r"dropout in training mode, in .*functional.dropout.*training=self.training"),
        (Attention(), r"dropout of attention, in .*dropout_p=p if self.training else 0"),
        (Attribute(), "attribute 'past'.*forward writes it.*register_buffer"),
    ],
)
def test_the_cause_is_named(module: nn.Module, found: str) -> None:
    with pytest.raises(ModelError, match=found):
        from_torch(loaded(module), name="module")


def test_an_input_may_be_written_to() -> None:
    model, _ = from_torch(loaded(InPlace()), name="module")
    assert not model.states


@pytest.mark.parametrize(
    ("layer", "found"),
    [
        (nn.Dropout(), "dropout in training mode.*model.eval.. before torch.export"),
        (nn.BatchNorm1d(4), "running_mean'.*batch normalization in training mode.*model.eval"),
    ],
)
def test_a_program_that_was_exported_in_training_mode_is_told_of_eval(
    layer: nn.Module, found: str, tmp_path: Path
) -> None:
    program = torch.export.export(layer.train(), (torch.randn(3, 4),))
    torch.export.save(program, tmp_path / "net.pt2")
    with pytest.raises(ModelError, match=found):
        from_torch(str(tmp_path / "net.pt2"), name="net")
