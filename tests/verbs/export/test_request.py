"""What the functions take, read as the command line reads it."""

from fractions import Fraction

import pytest

from edgekit.base.errors import UsageError
from edgekit.verbs.export.request import read_rates


def test_rates_are_numbers_or_text():
    given = {"a": 1 / 64, "b": "1/160", "c": Fraction(1, 3), "d": 2, "e": 1 / 3}
    exact = [Fraction(1, 64), Fraction(1, 160), Fraction(1, 3), Fraction(2), Fraction(1, 3)]
    assert list(read_rates(given).values()) == exact


@pytest.mark.parametrize("rate", [0, -1.0, float("nan"), float("inf"), "fast", "1/0", None, [1]])
def test_what_is_no_rate_is_refused_with_its_input(rate):
    with pytest.raises(UsageError, match=r"rates\['f0'\].*a number above 0"):
        read_rates({"f0": rate})
