"""The turn that each value of an unrolled loop belongs to."""

from unrolled_loops import unrolled

from edgekit.export.loops.normal_form import normalise
from edgekit.export.loops.turn_numbers import find_turn_numbers


def test_turns_and_the_end_of_a_loop():
    model = unrolled(6)
    normalise(model)
    levels = find_turn_numbers(model.graph, [True])
    assert [levels.turn[value] for value in levels.exits[0].node.inputs] == list(range(6))
    assert [(family.first, family.stride, family.turns) for family in levels.families] == [
        (1, 1, 6)
    ]
    assert not find_turn_numbers(model.graph, [False]).turn
