"""What searches of types begin with."""

import numpy as np
from builds import float_model

from edgekit.quantize.search.search import (
    Found,
    rank,
    search,
)
from edgekit.quantize.search.space import Group, Option, Space

NOISES = ((1e-3, 1e-6, 0.0), (1e-3, 1e-6, 0.0), (2e-6, 1e-8, 0.0), (1e-2, 5e-3, 0.0))


COSTS = ((1, 2, 4), (10, 20, 40), (1, 2, 4), (100, 200, 400))


def quiet(_stage: str, _done: int, _total: int) -> None:
    """No progress."""


def additive() -> Space:
    """Four groups whose noises add up: the table's row of a group holds the noise of its option."""
    groups = tuple(
        Group(
            (f"t{i}",),
            0,
            tuple(
                Option(dtype, dtype, float(cost), {i: np.array([power, 0, 0], np.float32)})
                for dtype, cost, power in zip(
                    ("int8", "int16", "float32"), costs, powers, strict=True
                )
            ),
        )
        for i, (costs, powers) in enumerate(zip(COSTS, NOISES, strict=True))
    )
    return Space(float_model("gru_mask"), groups, np.zeros((4, 3), np.float32))


def add_up(tables: list[np.ndarray], _progress: object) -> list[float]:
    """The sum of the table's noises."""
    return [float(table[:, 0].sum(dtype=np.float64)) for table in tables]


def found(min_snr_db: float) -> Found:
    space = additive()
    return search(space, rank(space, add_up, quiet), add_up, min_snr_db, quiet)  # type: ignore[arg-type]
