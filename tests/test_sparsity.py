"""Training towards N:M sparse weights: what the mask leaves out fades, learns on, and is gone at the end."""

import math

import pytest
import torch
from near import assert_near
from torch import Tensor, nn

from edgekit.base.errors import UsageError
from edgekit.graph.sparsity import PATTERNS, mask_of
from edgekit.sparsity import GradualPruning, prunable


def kept(weight: Tensor, pattern: str) -> Tensor:
    (found,) = (p for p in PATTERNS if str(p) == pattern)
    return torch.from_numpy(mask_of(weight.detach().numpy(), found, axis=1))


@pytest.mark.parametrize("pattern", ["2:4", "1:8"])
def test_weights_outside_the_mask_fade_and_learn_as_if_they_were_whole(pattern: str) -> None:
    torch.manual_seed(0)
    network = nn.Linear(24, 5)
    dense, mask = network.weight.detach().clone(), kept(network.weight, pattern)
    pruning, x = GradualPruning(network, pattern, decay=0.5), torch.randn(7, 24)
    with pruning.masked(3):
        share = torch.where(mask, 1.0, math.exp(-1.5))
        assert torch.allclose(network.weight, dense * share)
        network(x).sum().backward()
    assert torch.equal(network.weight, dense)
    assert network.weight.grad is not None
    expected, size = x.sum(0).expand(5, 24), x.abs().sum(0)
    assert_near(network.weight.grad, expected, 2 * len(x), size)  # not times the share
    pruning.finish()
    assert torch.equal(network.weight, dense * mask)


def test_what_a_sparse_kernel_can_read_is_pruned() -> None:
    network = nn.ModuleDict(
        {
            "linear": nn.Linear(8, 4),
            "point": nn.Conv2d(8, 4, 1),
            "wide": nn.Conv2d(8, 4, 3),
            "groups": nn.Conv1d(8, 4, 1, groups=2),
            "gru": nn.GRU(8, 4),
        }
    )
    names = {"linear.weight", "point.weight", "gru.weight_ih_l0", "gru.weight_hh_l0"}
    assert prunable(network).keys() == names
    with pytest.raises(UsageError, match="3:4"):
        GradualPruning(network, "3:4")
