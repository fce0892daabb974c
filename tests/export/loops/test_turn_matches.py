"""Values of an unrolled loop with their twins one turn before."""

import pytest
from unrolled_loops import unrolled

from edgekit.export.loops.normal_form import normalise
from edgekit.export.loops.turn_matches import OtherTurn, match_turns
from edgekit.export.loops.turn_numbers import find_turn_numbers


def twins_of(last: str):
    model = unrolled(6, last)
    normalise(model)
    levels = find_turn_numbers(model.graph, [True])
    return levels.exits[0], match_turns(levels, levels.exits)


def test_every_value_has_a_twin_one_turn_before():
    one, twins = twins_of("Add")
    assert [twins.before[one.root(n)] is one.root(n - 1) for n in range(1, 6)] == [True] * 5
    assert twins.before[one.root(0)].name == "start"


def test_a_turn_with_another_operator_is_found():
    with pytest.raises(OtherTurn, match="turn 5 computes something else than turn 4") as found:
        twins_of("Mul")
    assert found.value.node is not None and found.value.node.op_type == "Mul"
