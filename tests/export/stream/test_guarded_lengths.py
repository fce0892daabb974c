"""Lengths around which the conditions of a source change."""

from types import SimpleNamespace
from typing import Any

import pytest

from edgekit.base.errors import ModelError
from edgekit.export.stream.guarded_lengths import GuardedLengths
from edgekit.export.stream.guards import Guards, LengthGuard, LengthNumber


def below(limit: int, direct: bool = True) -> LengthGuard:
    return LengthGuard(lambda n: n < limit, f"net.py line {limit}", direct, frozenset({limit}))


def lengths(*guards: LengthGuard, most: int = 1000, numbers: tuple[int, ...] = ()) -> Any:
    offline = SimpleNamespace(guards=lambda samples: Guards(guards, (), True))
    places = [LengthNumber(n, f"Less 'node{n}'") for n in numbers]
    return SimpleNamespace(
        offline=offline,
        step=4,
        read=40,
        fits=lambda n: n <= most,
        ends_before=lambda n: False,
        numbers=places,
    )


def test_lengths_on_both_sides_of_a_change_and_one_farther():
    found = GuardedLengths(lengths(below(100)), {}).around_changes({40})
    assert found == {100, 104, 124}


def test_what_holds_at_one_length_alone_is_left_out():
    alone = LengthGuard(lambda n: n == 80, "net.py line 1", True, frozenset({80}))
    assert GuardedLengths(lengths(alone), {}).around_changes({80}) == set()


def test_a_branch_too_far_to_compare_is_refused_with_its_line():
    with pytest.raises(ModelError, match=r"in net.py line 100: another way through it from 100"):
        GuardedLengths(lengths(below(100), most=90), {}).around_changes({40})
    library = lengths(below(100, direct=False), most=90)
    assert GuardedLengths(library, {}).around_changes({40}) == set()


def test_lines_that_have_changed_are_the_reasons_else_numbers_on_the_way():
    guarded = GuardedLengths(lengths(below(100), below(50), numbers=(60, 300)), {})
    guarded.around_changes({40})
    assert guarded.complete
    assert guarded.reasons(120, equal=[40, 80]) == ["in net.py line 100"]
    other = GuardedLengths(lengths(numbers=(60, 300)), {})
    assert other.reasons(120, equal=[40]) == ["in Less 'node60'"]
