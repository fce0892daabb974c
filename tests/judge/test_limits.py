"""Bounds on what a build takes."""

from types import SimpleNamespace
from typing import Any

from edgekit.judge.limits import UNBOUNDED, Limits

LIMITS = Limits("host", {"flash": 100, "ram": 10})


def test_a_candidate_fits_within_all_bounds() -> None:
    assert LIMITS.fits({"flash": 100, "ram": 10, "instructions": 10**9})
    assert not LIMITS.fits({"flash": 100, "ram": 11})
    assert UNBOUNDED.fits({})
    pool: list[Any] = [SimpleNamespace(taken={"flash": n, "ram": n}) for n in (5, 50)]
    assert LIMITS.within(pool) == pool[:1]


def test_the_excess_is_of_the_bound_that_is_missed_most() -> None:
    assert LIMITS.excess({"flash": 200, "ram": 50}) == 5.0
