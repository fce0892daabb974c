"""RED-Diff: a solution of a linear problem, and what does not fit it."""

import numpy as np
import pytest

from edgekit.base.errors import UsageError
from edgekit.red_diff import RedDiff


def test_without_a_prior_the_measurement_alone_is_met() -> None:
    solver = RedDiff(np.full(200, 0.5), np.arange(200.0), prior=0.0, rate=0.1)
    y = np.array([[1.0, -2.0, 0.5]])
    found = solver.solve(
        lambda now, step: [np.zeros_like(next(iter(now.values())))],
        y,
        lambda x: 2 * x,
        lambda x: 2 * x,
        np.zeros_like(y),
        seed=1,
    )
    assert np.allclose(2 * found, y, atol=0.05)


def test_as_many_products_as_times_are_needed() -> None:
    solver = RedDiff(np.full(3, 0.5), np.arange(2.0))
    y = np.zeros((1, 2))
    with pytest.raises(UsageError):
        solver.solve(lambda now, step: [y], y, lambda x: x, lambda x: x, y, seed=1)
