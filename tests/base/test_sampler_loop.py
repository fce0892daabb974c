"""The loop that runs every step table: sums in order, batches, calls that do not fit."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit.base import sampler_loop
from edgekit.base.errors import UsageError
from edgekit.base.random_normals import normals
from edgekit.base.sampler_loop import Step
from edgekit.base.sampler_table import COLUMNS, Arrays, Roles, StepTable

ROLES = Roles("x", "t", y="y")
SHAPE = (2, 3)


def full_table(rows: int = 3, outputs: int = 2) -> StepTable:
    """A table in which every term takes part."""
    random = np.random.default_rng(0)
    columns: dict[str, Any] = {name: random.standard_normal(rows) for name in COLUMNS}
    columns |= {name: random.standard_normal((rows, outputs)) for name in ("v", "e")}
    columns |= {"bias": random.standard_normal((rows, 2)), "group": np.arange(rows)}
    return StepTable.of(
        np.arange(rows), outputs, ROLES, columns, clip=0.8, start_noise=0.7, start_y=0.3
    )


def network(inputs: Arrays, step: Step) -> list[NDArray[Any]]:
    return [np.tanh(inputs["x"] + step.row), inputs["x"] * inputs["y"]]


def test_a_row_is_the_sum_that_the_documentation_says() -> None:
    table, n = full_table(), 5
    y = np.random.default_rng(1).standard_normal((n, *SHAPE))
    seeds = sampler_loop.image_seeds(9, 0, n)

    def noise(draw: int) -> NDArray[np.float64]:
        return normals(seeds, draw, 6).reshape(n, *SHAPE).astype(np.float64)

    x = start = 0.7 * noise(0) + 0.3 * y
    before = np.zeros_like(x)
    for row in range(table.rows):
        e = network({"x": x, "y": y}, Step(row, 0, row, 0, row))
        t, k = table, range(2)
        assert t.bias is not None
        x0 = t.u[row] * x + sum(t.v[row, i] * e[i] for i in k) + t.w[row] * y
        x0 = np.clip(x0 + t.bias[row][:, None], -0.8, 0.8)
        x = (
            t.a[row] * x
            + t.b[row] * x0
            + sum(t.e[row, i] * e[i] for i in k)
            + t.c[row] * y
            + t.d[row] * start
            + t.h[row] * before
            + t.s[row] * noise(1 + row)
        )
        before = x0
    found = sampler_loop.sample(table, network, SHAPE, n, 9, {"y": y}, dtype=np.float64)
    assert np.abs(found - x).max() < 1e-13


def test_an_image_does_not_depend_on_its_batch() -> None:
    table, y = full_table(), np.random.default_rng(1).standard_normal((6, *SHAPE))
    y = y.astype(np.float32)
    whole = sampler_loop.sample(table, network, SHAPE, 6, 3, {"y": y})
    alone = [
        sampler_loop.sample(
            table, sampler_loop.one_by_one(network), SHAPE, 2, 3, {"y": y[i : i + 2]}, first=i
        )
        for i in (0, 2, 4)
    ]
    assert whole.dtype == np.float32
    assert np.array_equal(whole, np.concatenate(alone))


@pytest.mark.parametrize(
    ("conditions", "seed", "said"),
    [
        ({}, 0, "condition 'y': not given"),
        ({"y": np.zeros((3, *SHAPE))}, 0, "condition 'y': shape (3, 2, 3); allowed: first axis 2"),
        ({"y": np.zeros((2, 3, 2))}, 0, "condition 'y': shape (2, 3, 2)"),
        ({"y": np.zeros((2, *SHAPE))}, 1 << 32, "seed: 4294967296"),
    ],
)
def test_a_call_that_does_not_fit_says_why(conditions: Arrays, seed: int, said: str) -> None:
    with pytest.raises(UsageError) as error:
        sampler_loop.sample(full_table(), network, SHAPE, 2, seed, conditions)
    assert said in str(error.value)
