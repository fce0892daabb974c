"""Step tables as data: JSON, digests, damage."""

import json
from typing import Any

import numpy as np
import pytest

from edgekit.base.errors import UsageError
from edgekit.base.sampler_table import COLUMNS, Roles, StepTable

ROLES = Roles("x", "t", y="y")


def full_table(rows: int = 3, outputs: int = 2) -> StepTable:
    """A table in which every term takes part."""
    random = np.random.default_rng(0)
    columns: dict[str, Any] = {name: random.standard_normal(rows) for name in COLUMNS}
    columns |= {name: random.standard_normal((rows, outputs)) for name in ("v", "e")}
    columns |= {"bias": random.standard_normal((rows, 2)), "group": np.arange(rows)}
    return StepTable.of(
        np.arange(rows), outputs, ROLES, columns, clip=0.8, start_noise=0.7, start_y=0.3
    )


def test_a_table_survives_json() -> None:
    table = full_table()
    again = StepTable.from_facts(json.loads(json.dumps(table.facts())))
    for name in (*COLUMNS, "v", "e", "time", "bias", "graph", "group"):
        assert np.array_equal(getattr(again, name), getattr(table, name)), name
    assert (again.roles, again.clip, again.digest) == (ROLES, 0.8, table.digest)


def test_the_digest_is_that_of_the_trajectory() -> None:
    table = full_table()
    assert table.with_(group=np.zeros(3, np.int64), s=table.s * 0.9).digest == table.digest
    assert table.with_(time=table.time + 1).digest != table.digest


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("time", "now"),
        ("u", [1.0]),
        ("u", [1.0, 2.0, float("nan")]),
        ("outputs", 0),
        ("outputs", 10**9),
        ("roles", {"x": 3}),
        ("roles", {"z": "x"}),
        ("roles", {"null": {"a": "b"}}),
        ("graph", [-1, 0, 0]),
        ("clip", -1),
        ("clip", "x"),
        ("start_noise", float("inf")),
        ("bias", [1.0]),
        ("extra", 1),
    ],
)
def test_a_damaged_table_is_refused(key: str, value: object) -> None:
    with pytest.raises(UsageError):
        StepTable.from_facts({**full_table().facts(), key: value})


@pytest.mark.parametrize("key", ["time", "outputs", "roles", "clip", "start_y"])
def test_a_table_without_a_key_is_refused(key: str) -> None:
    facts = full_table().facts()
    del facts[key]
    with pytest.raises(UsageError):
        StepTable.from_facts(facts)
