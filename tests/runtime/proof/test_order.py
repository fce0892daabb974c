"""Loops are followed at once only where no iteration touches what another one writes."""

import numpy as np
import pytest

from edgekit.runtime.proof.memory import Event
from edgekit.runtime.proof.order import depends_on_order
from edgekit.runtime.proof.values import Pointer, Span, Value

STEPS = np.arange(4) * 4


def at(place: Value, block: str = "s") -> Pointer:
    return Pointer(block, place, "float", 4)


@pytest.mark.parametrize(
    ("target", "source", "found"),
    [
        (at(STEPS), at(STEPS), False),  # in place
        (at(STEPS), at(STEPS + 16), False),  # apart
        (at(STEPS), at(STEPS, "st"), False),
        (at(STEPS + 4), at(STEPS), True),  # to the next place
        (at(STEPS[::-1].copy()), at(STEPS), True),  # reversed in place
        (at(STEPS), at(8), True),
        (at(STEPS % 8), at(STEPS % 8), True),  # each place twice
        (at(STEPS[[2, 0, 3, 1]]), at(STEPS[[2, 0, 3, 1]]), False),
        (at(STEPS), at(Span(0, 8)), True),
    ],
)
def test_copies_that_meet_are_found(target: Pointer, source: Pointer, found: bool) -> None:
    assert depends_on_order([Event(target, source, 4, "is copied")]) is found


def test_a_write_meets_what_another_statement_reads() -> None:
    read, write = Event(None, at(STEPS), 4, "is read"), Event(at(STEPS + 8), None, 4, "is written")
    assert depends_on_order([read, write])
    assert not depends_on_order([read, Event(at(STEPS + 16), None, 4, "is written")])
