"""How a build's benchmarks went."""

from typing import Any

import pytest

from edgekit.verbs.bench.history import courses
from edgekit.verbs.bench.log import NUMBERS, Log, Result


def line(build: str, **numbers: float) -> Result:
    every: dict[str, Any] = dict.fromkeys(NUMBERS) | numbers
    return Result({"build": build, "target": "host", "device": "local", "digest": "d"}, every)


@pytest.mark.parametrize(
    ("name", "before", "after", "said"),
    [
        ("median_us", 100.0, 109.0, []),
        ("median_us", 100.0, 111.0, ["median us 100 -> 111"]),
        ("ram_bytes", 1000.0, 1009.0, []),
        ("ram_bytes", 1000.0, 1011.0, ["RAM bytes 1,000 -> 1,011"]),
    ],
)
def test_times_may_scatter_and_counts_may_not(
    name: str, before: float, after: float, said: list[str]
) -> None:
    log = Log((line("a", **{name: before}), line("b"), line("a", **{name: after})), ())
    first, other = courses(log)
    assert first.worse() == said and first.name == "a, host, local"
    assert other.rows() == [] and len(first.lines) == 2
