"""Objects of a running program as sources: each has a name of the form ``package.module:factory`` while it is held."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

HELD = f"{__name__}:"  # before the name of a held factory, in a source
_held: dict[str, Callable[[], Any]] = {}


def __getattr__(name: str) -> Callable[[], Any]:
    """Return a factory that is held."""
    if name not in _held:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _held[name]


@contextmanager
def hold_factory(name: str, factory: Callable[[], Any]) -> Iterator[str]:
    """Hold a factory; return the source that names it."""
    while name in _held:
        name += "_"
    _held[name] = factory
    try:
        yield f"{HELD}{name}"
    finally:
        del _held[name]
