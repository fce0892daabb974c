"""Inputs of a network that the build draws itself: noise."""

from dataclasses import dataclass

PARTS = 4  # of 16 bits: of the seed, and of the number of the next one
OPERATORS = {"normal": "NormalNoise", "uniform": "UniformNoise"}  # by distribution, in our domain


@dataclass(frozen=True)
class Noise:
    """An input with random values.

    Attributes:
        name: of the input.
        distribution: one of `edgekit.base.random_normals.DISTRIBUTIONS`.
        shape: of one hop.
        layout: its axes; None if unknown.
        state: the state input with seed and position, float32 (2 * `PARTS`,).
    """

    name: str
    distribution: str
    shape: tuple[int, ...]
    layout: str | None
    state: str
