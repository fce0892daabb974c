"""Factories and what they return become modules with example inputs."""

import sys
import types
from collections.abc import Callable

import pytest
import torch
from torch import nn

from edgekit.base.errors import ModelError, UsageError
from edgekit.export.torch_source import find_factory, load_module


@pytest.mark.parametrize("wrap", [nn.DataParallel, torch.compile], ids=["parallel", "compiled"])
def test_what_wraps_a_module_to_train_or_to_compile_it_is_left_off(
    wrap: Callable[[nn.Module], nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = nn.Linear(8, 4)
    made = types.ModuleType("wrapped_by_torch")
    made.factory = lambda: (wrap(inner), (torch.rand(1, 8),))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, made.__name__, made)
    loaded = load_module("wrapped_by_torch:factory", {})
    assert loaded.module is inner
    assert list(loaded.kwargs) == ["input"]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("no_colon", "not of the form package.module:factory"),
        ("platform:machine", None),
        ("json:dumpz", "'dumps' is nearest|'dump' is nearest"),
        ("no_such_module_here:f", "check the name and the working directory"),
        ("json:decoder", "a module, not a function"),
    ],
)
def test_a_factory_is_found_or_what_is_wrong_is_told(source: str, found: str | None) -> None:
    if found is None:
        assert callable(find_factory(source))
        return
    with pytest.raises(UsageError, match=found):
        find_factory(source)


class OfAnyInputs(nn.Module):
    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        return torch.stack(inputs).sum(0)


class OfKeywords(nn.Module):
    def forward(self, **inputs: torch.Tensor) -> torch.Tensor:
        return inputs["x"]


class OfPlaces(nn.Module):
    def forward(self, x: torch.Tensor, /) -> torch.Tensor:
        return x


@pytest.mark.parametrize("network", [OfAnyInputs, OfKeywords, OfPlaces])
def test_inputs_without_names_are_refused_with_a_way_to_name_them(
    network: type[nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = types.ModuleType("inputs_without_names")
    made.factory = lambda: (network(), (torch.rand(1, 8),))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, made.__name__, made)
    with pytest.raises(ModelError, match=r"(?s)have no names.*def forward\(self, x\)"):
        load_module("inputs_without_names:factory", {})
