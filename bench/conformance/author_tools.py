"""How factories reach an author's own source: imports that only training needs, and calls with one input."""

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import torch
from torch import Tensor, nn

Made = tuple[nn.Module, tuple[Tensor, ...]]


class Wrapper(nn.Module):
    """An author's network, called as its own code calls it, with one input x."""

    def __init__(self, net: nn.Module, call: Callable[[Any, Tensor], Any]) -> None:
        """Keep the network and the call."""
        super().__init__()
        self.net, self.call = net, call

    def forward(self, x: Tensor) -> Any:
        """Return what the call gives."""
        return self.call(self.net, x)


class AnyName(type):
    """A kind of class that has every name."""

    def __getattr__(cls, name: str) -> Any:
        """Return a stand-in."""
        if name.startswith("_"):
            raise AttributeError(name)
        return MagicMock(name=name)


class Placeholder(ModuleType):
    """A module without content: its names with a capital are classes to inherit from, the others accept any use."""

    def __getattr__(self, name: str) -> Any:
        """Return a class or a stand-in."""
        if name.startswith("__"):
            raise AttributeError(name)
        made = AnyName(name, (nn.Module,), {}) if name[0].isupper() else MagicMock(name=name)
        setattr(self, name, made)
        return made


class Placeholders(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Modules without content for packages that a network's forward does not use."""

    def __init__(self, *packages: str) -> None:
        """Take the packages' names."""
        self.packages = packages

    def find_spec(self, name: str, *_: object) -> importlib.machinery.ModuleSpec | None:
        """Return a specification for these packages and all inside them."""
        if name.split(".")[0] in self.packages:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """Return a module that has every name."""
        return Placeholder(spec.name)

    def exec_module(self, _: object) -> None:
        """Run nothing."""


def without(*packages: str) -> None:
    """Let imports of packages succeed that training or plots need, and the network does not."""
    sys.meta_path.insert(0, Placeholders(*packages))


def one_file(package: str, path: str) -> ModuleType:
    """Load one file of a checkout's package, without what the package itself imports.

    Raises:
        ImportError: the checkout lacks it.
    """
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ImportError(f"no package '{package}'")
    file = f"{found.submodule_search_locations[0]}/{path}"
    spec = importlib.util.spec_from_file_location(path.replace("/", "_").removesuffix(".py"), file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


def noise(*shape: int) -> tuple[Tensor]:
    """Noise as the example input."""
    return (torch.randn(*shape),)
