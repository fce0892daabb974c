"""What the loop of a sampler keeps: arrays behind the network's scratch that do not meet."""

from itertools import pairwise

import pytest
from sampler_networks import integer, table_of

from edgekit.targets.c.plan.memory import ALIGN
from edgekit.targets.c.program.sampler_storage import Loop


@pytest.fixture(scope="module")
def loop() -> Loop:
    model = integer(1)
    return Loop(table_of(model), model, 3 * ALIGN)


def test_arrays_lie_behind_the_network_and_each_other(loop: Loop) -> None:
    places = [loop.at(name) for name in loop.arrays]
    assert places[0] == 3 * ALIGN and loop.item_bytes % ALIGN == 0
    assert all(b - a == loop.item_bytes for a, b in pairwise(places))
    assert loop.scratch_bytes == places[-1] + loop.item_bytes


def test_they_live_during_the_whole_schedule(loop: Loop) -> None:
    placed = [*loop.placements(9)]
    assert [p.name for p in placed] == [f"sampler:{name}" for name in loop.arrays]
    assert {(p.first, p.last, p.block) for p in placed} == {(0, 9, "scratch")}
