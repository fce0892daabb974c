"""``edgekit sample`` reads conditions."""

import pytest

from edgekit.base.errors import UsageError
from edgekit.cli.sample import parse_conditions


def test_conditions_are_numbers_or_lists() -> None:
    assert parse_conditions(["a=3", "b=1,2", "c=[[1, 2]]"]) == {"a": 3, "b": [1, 2], "c": [[1, 2]]}
    assert parse_conditions(None) == {}


@pytest.mark.parametrize("text", ["a", "a=", "=3", "a=x"])
def test_what_is_no_condition_is_refused_by_its_own_flag(text: str) -> None:
    with pytest.raises(UsageError, match=r"--condition .* no value"):
        parse_conditions([text])


def test_a_name_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="given 2 times"):
        parse_conditions(["a=3", "a=4"])
