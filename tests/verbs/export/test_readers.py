"""What the functions take, read as the command line reads it."""

from fractions import Fraction

import pytest

from edgekit.base.errors import UsageError
from edgekit.verbs.export.readers import read_rates


def test_rates_are_numbers_or_text():
    given = {"a": 64, "b": "160", "c": Fraction(3), "d": "3/2", "e": 4 / 3, "f": 1.0}
    exact = [Fraction(*pair) for pair in ((1, 64), (1, 160), (1, 3), (2, 3), (3, 4), (1, 1))]
    assert list(read_rates(given).values()) == exact


@pytest.mark.parametrize("rate", [0, -1.0, float("nan"), float("inf"), "fast", "1/0", None, [1]])
def test_what_is_no_rate_is_refused_with_its_input(rate):
    with pytest.raises(UsageError, match=r"--rate f0: .*at least 1; .*write 64"):
        read_rates({"f0": rate})


def test_a_rate_upside_down_is_refused_and_says_which_input_is_the_reference():
    for rate in (1 / 64, "1/64", Fraction(1, 64)):
        with pytest.raises(UsageError, match="with the most frames is the reference stream"):
            read_rates({"knobs": rate})
