"""Bounds of integers hold for every number between those of the operands."""

import itertools
from math import fmod

import numpy as np
import pytest

from edgekit.runtime.proof.values import ARITHMETIC, WIDE, Span, bounds, index_of, join, span

SPANS = (Span(-3, 2), Span(0, 4), Span(-7, -2), Span(5, 5))


@pytest.mark.parametrize("sign", ["+", "-", "*"])
@pytest.mark.parametrize(("a", "b"), itertools.product(SPANS, SPANS))
def test_bounds_of_results_hold(sign: str, a: Span, b: Span) -> None:
    low, high = span(ARITHMETIC[sign](a, b))
    every = [
        ARITHMETIC[sign](x, y) for x in range(a.low, a.high + 1) for y in range(b.low, b.high + 1)
    ]
    assert (low, high) == (min(every), max(every))


@pytest.mark.parametrize("a", SPANS)
def test_remainders_are_those_of_c(a: Span) -> None:
    low, high = span(ARITHMETIC["%"](a, 4))
    every = [int(np.fmod(x, 4)) for x in range(a.low, a.high + 1)]
    assert low <= min(every) and max(every) <= high


def test_places_of_runs_are_all_their_bytes() -> None:
    assert index_of(np.array([[8], [0]]), 3).tolist() == [8, 9, 10, 0, 1, 2]
    assert index_of(Span(2, 4), 2).tolist() == [2, 3, 4, 5]
    assert bounds(np.array([5, 3])) == (3, 5) and join(3, Span(1, 2)) == Span(1, 3)


@pytest.mark.parametrize(("sign", "b"), [("+", WIDE), ("-", WIDE), ("*", WIDE), ("*", 4), ("*", 8)])
def test_what_is_not_known_stays_unknown(sign: str, b: Span | int) -> None:
    assert ARITHMETIC[sign](WIDE, b) == WIDE


@pytest.mark.parametrize("a", [-7, -1, 0, 9])
@pytest.mark.parametrize("b", [-4, 4])
def test_quotients_and_remainders_are_those_of_c(a: int, b: int) -> None:
    """C rounds towards 0, Python down."""
    assert ARITHMETIC["/"](a, b) == int(a / b) and ARITHMETIC["%"](a, b) == int(fmod(a, b))
    many = np.array([a, a])
    assert ARITHMETIC["/"](many, b).tolist() == [int(a / b)] * 2
