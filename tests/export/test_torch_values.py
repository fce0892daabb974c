"""Numbers in constant tensors do not stop an export; those that follow from an input's values do."""

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Categorical, Distribution, Independent, Normal

from edgekit.base.errors import ModelError
from edgekit.export.from_torch import from_torch
from edgekit.export.torch_source import TorchModule
from edgekit.export.torch_values import record_reads


class Lengths(nn.Module):
    """Cuts by a length in a tensor, and reduces over axes in a list."""

    def forward(self, x: Tensor) -> Tensor:
        lengths = torch.full((1,), x.shape[1] - 1)
        if (lengths > 2).all():
            x = x[:, : int(lengths.max())]
        return x.mean(torch.arange(1, x.dim()).tolist())


class Data(nn.Module):
    """Cuts its input as far as its values say."""

    def forward(self, x: Tensor) -> Tensor:
        count = 4 if bool(x.sum() > 0) else 2
        return x[:, :count]


def loaded(module: nn.Module) -> TorchModule:
    return TorchModule("module", module.eval(), {"x": torch.randn(1, 6, 3)})


def test_constant_numbers_are_known() -> None:
    reads = record_reads(Lengths(), {"x": torch.randn(1, 6, 3)})
    assert [number for number, _ in reads.numbers] == [True, 5, 1, 2]
    assert all(constant for _, constant in reads.numbers)
    model, _ = from_torch(loaded(Lengths()), name="lengths")
    assert model.ir.graph.outputs


def test_numbers_of_an_input_are_refused() -> None:
    reads = record_reads(Data(), {"x": torch.ones(1, 6, 3)})
    assert reads.numbers == [(True, False)]
    with pytest.raises(ModelError, match=r"depends on values, in test_torch_values\.py line"):
        from_torch(loaded(Data()), name="data")


class Policy(nn.Module):
    """The action that a distribution over a layer's results holds for the likeliest."""

    def __init__(self, distribution: str) -> None:
        super().__init__()
        self.layer, self.distribution = nn.Linear(3, 4), distribution

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.layer(x)
        if self.distribution == "normal":
            return Independent(Normal(y, torch.exp(y)), 1).mode
        if self.distribution == "categorical":
            return Categorical(logits=y).probs
        return Bernoulli(logits=y).mean


@pytest.mark.parametrize("distribution", ["normal", "categorical", "bernoulli"])
def test_distributions_of_policies_are_taken(distribution: str) -> None:
    before = Distribution._validate_args
    model, _ = from_torch(loaded(Policy(distribution)), name="policy")
    assert model.ir.graph.outputs
    assert Distribution._validate_args == before
