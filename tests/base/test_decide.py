"""The text of --decide: what it says, and all that is wrong with it."""

import pytest

from edgekit.base.decide import Decide, Time, read_decide
from edgekit.base.errors import UsageError


def test_all_parts_are_read() -> None:
    text = "softmax:smooth=0.3s:on=0.8:off=0.5:hold=1s:labels=yes,no,a b:ignore=no"
    assert read_decide(text) == Decide(
        text,
        0.8,
        0.5,
        smooth=Time(0.3, "s"),
        hold=Time(1, "s"),
        labels=("yes", "no", "a b"),
        ignore=("no",),
        function="softmax",
    )


def test_little_is_needed_and_times_may_count_hops() -> None:
    decide = read_decide("on=-1.5:pole=250ms:hold=7")
    assert (decide.on, decide.off, decide.labels) == (-1.5, -1.5, None)
    assert decide.times["pole"].hops(0.01) == pytest.approx(25)
    assert decide.times["hold"].hops(None) == 7


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "an empty part: given twice or not known"),
        ("smooth=0.3s", "on: not given"),
        ("on=loud", "on: loud; allowed: a number"),
        ("on=nan", "on: nan"),
        ("on=1e31", "on: 1e31"),
        ("on=0.5:off=0.8", "off: 0.8; allowed: at most 0.5"),
        ("on=0.5:smooth=0", "smooth: 0; allowed: a time above 0"),
        ("on=0.5:smooth=3min", "smooth: 3min"),
        ("on=0.5:smooth=3:pole=2s", "two of a kind"),
        ("on=0.5:softmax:sigmoid", "two of a kind"),
        ("on=0.5:on=0.6", "on=0.6: given twice"),
        ("on=0.5:wait=3s", "wait=3s: given twice or not known"),
        ("on=0.5:relu", "relu: given twice or not known"),
        ("on=0.5:labels=a,a", "labels: a,a"),
        ("on=0.5:labels=a,,b", "labels: a,,b"),
        ('on=0.5:labels=a"b', "labels: a"),
        ("on=0.5:labels=a,b:ignore=c", "ignore: c; allowed: some of a, b"),
    ],
)
def test_what_is_wrong_is_said(text: str, found: str) -> None:
    with pytest.raises(UsageError) as refused:
        read_decide(text)
    assert found in str(refused.value)


def test_all_that_is_wrong_is_listed() -> None:
    with pytest.raises(UsageError) as refused:
        read_decide("off=x:smooth=no:wait=1:labels=")
    assert len(refused.value.problems) == 5
