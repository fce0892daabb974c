"""Buffers that forward writes are states, whatever they hold at first; hop by hop the network is the module."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edgekit.base.errors import ModelError
from edgekit.export.from_torch import from_torch
from edgekit.export.hop_runner import in_onnxruntime
from edgekit.export.stream.sources import torch_offline


class Cache(nn.Module):
    """A causal layer with its past, a count of calls and a level that starts at 1."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how, self.layer = how, nn.Conv1d(3, 3, 4)
        self.register_buffer("past", torch.zeros(1, 3, 3))
        self.register_buffer("calls", torch.tensor(2))
        self.register_buffer("level", torch.ones(1, 3, 1))

    def forward(self, x: Tensor) -> Tensor:
        whole = torch.cat([self.past, x], 2)
        if self.how == "slice":
            self.past[:] = whole[:, :, -3:]
        elif self.how == "copy":
            self.past.copy_(whole[:, :, -3:])
        else:
            self.past = whole[:, :, -3:]
        self.calls += 1
        self.level.mul_(0.9).add_(0.1 * x.abs().mean(2, keepdim=True))
        out: Tensor = self.layer(whole) / self.level + self.calls
        return out


Made = tuple[nn.Module, tuple[Tensor]]


def by_slice() -> Made:
    return Cache("slice"), (torch.randn(1, 3, 8),)


def by_copy() -> Made:
    return Cache("copy"), (torch.randn(1, 3, 8),)


def by_name() -> Made:
    return Cache("name"), (torch.randn(1, 3, 8),)


@pytest.mark.rows(1)
@pytest.mark.parametrize("factory", [by_slice, by_copy, by_name])
def test_hops_are_those_of_the_module(factory: object) -> None:
    name = getattr(factory, "__name__", "")
    model, _ = from_torch(f"{__name__}:{name}", name="cache")
    assert [pair.input for pair in model.states] == ["past", "calls", "level"]
    running, module = in_onnxruntime(model.to_bytes()), by_name()[0].eval()
    with torch.no_grad():
        for name, array in zip(("weight", "bias"), model_weights(), strict=True):
            getattr(module.layer, name).copy_(array)
        state = {"past": (1, 3, 3), "calls": (), "level": (1, 3, 1)}
        feed = {key: np.zeros(shape, np.float32) for key, shape in state.items()}
        for x in torch.randn(3, 1, 3, 8):
            found = running({"x": x.numpy(), **feed})
            np.testing.assert_allclose(found["output"], module(x).numpy(), rtol=1e-5, atol=1e-5)
            feed = {key: found[f"{key}_next"] for key in state}


def model_weights() -> tuple[Tensor, Tensor]:
    """The weights that a factory makes under the seed of an import."""
    torch.manual_seed(0)
    layer = Cache("name").layer
    return layer.weight, layer.bias


def test_an_own_cache_is_no_whole_recording() -> None:
    with pytest.raises(ModelError, match="forward writes its buffers past, calls, level"):
        torch_offline(f"{__name__}:by_slice", name="cache", time_axes={"x": 2})
