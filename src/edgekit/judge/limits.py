"""Bounds on the device resources of a build, as a user gives them to a search for types."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgekit.judge.candidates import Auto

FLAGS = {"flash": "--max-flash", "ram": "--max-ram", "instructions": "--max-instructions"}


@dataclass(frozen=True)
class Limits:
    """The largest costs allowed for a build on a target.

    Attributes:
        target: of the C build.
        most: by the keys of `FLAGS`: bytes of weights, bytes of states and scratch, instructions of a hop. Unbounded
            resources have no key.
    """

    target: str
    most: Mapping[str, int]

    def fits(self, taken: Mapping[str, int]) -> bool:
        """Whether a candidate is within all bounds."""
        return all(taken[key] <= most for key, most in self.most.items())

    def within(self, pool: Sequence["Auto"]) -> "list[Auto]":
        """Return the candidates of a pool that fit."""
        return [auto for auto in pool if self.fits(auto.taken)]

    def excess(self, taken: Mapping[str, int]) -> float:
        """Return the cost of a candidate divided by the bound, for the bound that it misses most."""
        return max(taken[key] / max(most, 1) for key, most in self.most.items())


UNBOUNDED = Limits("", {})
