"""Branches that depend on values become selections; those that do more than give values are refused."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from slices import slow_except
from torch import Tensor, nn

from edgekit.base.errors import ModelError
from edgekit.export.from_torch import TorchReference, from_torch
from edgekit.export.hop_runner import in_onnxruntime
from edgekit.export.stream.convert import stream
from edgekit.export.stream.sources import torch_offline
from edgekit.export.torch_source import TorchModule


def choose(x: Tensor, y: Tensor) -> Tensor:
    if torch.all(x > 0):
        best = x
    elif not bool(y.sum() > 0) or x.max().item() > 1:
        scale = y.abs().max()
        best = y / (scale + 1)
    else:
        best = torch.maximum(x, y)
    return best


def early(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    if x.sum() > y.sum():
        return x, y - 1
    doubled = x * 2
    return doubled, y


def expression(x: Tensor, y: Tensor) -> Tensor:
    return x if x.mean() > 0 and (y > 0).any() else -y


def checked(x: Tensor, y: Tensor) -> Tensor:
    if torch.isnan(x).any():
        raise ValueError("not a number")
    return x + y


class Calls(nn.Module):
    """Calls a function on its input and a projection of it."""

    def __init__(self, function: Callable[[Tensor, Tensor], object]) -> None:
        super().__init__()
        self.function, self.layer = function, nn.Linear(4, 4)

    def forward(self, x: Tensor) -> object:
        return self.function(x, self.layer(x))


@pytest.mark.parametrize(
    "function",
    slow_except(lambda function: function is choose, [choose, early, expression, checked]),
)
def test_both_ways_are_selected_from(function: Callable[[Tensor, Tensor], object]) -> None:
    torch.manual_seed(3)
    code = function.__code__
    loaded = TorchModule("calls", Calls(function).eval(), {"x": torch.randn(2, 4)})
    model, _ = from_torch(loaded, name="calls")
    assert function.__code__ is code, "the function is as it was"
    running, source = in_onnxruntime(model.to_bytes()), TorchReference(loaded, model)
    random = np.random.default_rng(0)
    for shift in (-2, -0.5, 0, 0.5, 2):
        feed = {"x": random.standard_normal((2, 4)).astype(np.float32) + np.float32(shift)}
        found, expected = running(feed), source(feed)
        for name, array in expected.items():
            np.testing.assert_allclose(found[name], array, atol=1e-6)


def in_place(x: Tensor, y: Tensor) -> Tensor:
    z = y + 0
    if x.sum() > 0:
        z.mul_(2)
    return z


def kept(x: Tensor, y: Tensor, seen: list[Tensor] = []) -> Tensor:  # noqa: B006
    if x.sum() > 0:
        seen.append(y)
    return y


def shaped(x: Tensor, y: Tensor) -> Tensor:
    return x if x.sum() > 0 else y[:1]


@pytest.mark.parametrize(
    "function", slow_except(lambda function: function is kept, [in_place, kept, shaped])
)
def test_ways_that_do_more_are_refused(function: Callable[[Tensor, Tensor], object]) -> None:
    loaded = TorchModule("calls", Calls(function).eval(), {"x": torch.ones(2, 4)})
    with pytest.raises(ModelError, match=r"depends on values, in test_torch_branches\.py line"):
        from_torch(loaded, name="calls")


class Stabilized(nn.Module):
    """A gated sum in a loop that branches on its state, and keeps the states of all turns and the first one."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2 * 2)

    def forward(self, x: Tensor) -> Tensor:
        states = torch.zeros(1, x.shape[1] + 1, 3, 2)
        c, n, m = torch.unbind(states[:, 0], 1)
        for t in range(x.shape[1]):
            drive, decay = self.layer(x[:, t]).chunk(2, -1)
            faded = m + nn.functional.logsigmoid(decay)
            most = drive if torch.all(n == 0.0) else torch.maximum(drive, faded)
            old, new = torch.exp(faded - most), torch.exp(drive - most)
            c, n, m = old * c + new * x[:, t], old * n + new, most
            states[:, t + 1] = torch.stack((c, n, m), 1)
        return states[:, 1:, 0] / states[:, 1:, 1]


def stabilized() -> tuple[nn.Module, tuple[Tensor]]:
    return Stabilized(), (torch.randn(1, 24, 2),)


@pytest.mark.slow
def test_a_loop_with_a_branch_streams() -> None:
    source = f"{__name__}:stabilized"
    model = stream(torch_offline(source, name="net", time_axes={"x": 1}))
    assert (model.stream.hop_samples, model.stream.delay_samples) == (1, 0)
