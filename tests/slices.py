"""Rows of a parametrized test: `make test` runs a few of them, `make test-all` the others, too."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest


def slow_except(quick: Callable[[Any], bool], rows: Iterable[Any]) -> list[Any]:
    """The rows in their order; those for which `quick` is false have the mark `slow`."""
    return [row if quick(row) else as_slow(row) for row in rows]


def as_slow(row: Any) -> Any:
    """A row, a tuple where a test has several parameters, with the mark `slow`."""
    return pytest.param(*(row if isinstance(row, tuple) else (row,)), marks=pytest.mark.slow)
