"""Texts of repeatable flags."""

from collections.abc import Callable

import pytest

from edgekit.base.errors import UsageError
from edgekit.verbs.export import texts


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (texts.parse_state, "a:0:b:0", ("a:0", "b:0")),
        (texts.parse_shape, "a=b=1x16", ("a=b", (1, 16))),
        (texts.parse_time_axis, "x:y:-1", ("x:y", -1)),
        (texts.parse_rate, "a=b=3/2", ("a=b", "3/2")),
        (texts.parse_package, "zephyr", ("zephyr", "")),
        (texts.parse_package, "zephyr=1.0.0", ("zephyr", "1.0.0")),
        (texts.parse_knob, "gain=0:1:0", ("gain", "0:1:0")),
        (texts.parse_setting, "a=0s:1,2s:3", ("a", "0s:1,2s:3")),
        (texts.parse_constant, "a=1,2", ("a", [1, 2])),
        (texts.parse_noise, "z", ("z", "normal")),
        (texts.parse_noise, "z=uniform", ("z", "uniform")),
    ],
)
def test_a_text_is_a_name_and_a_value(
    parse: Callable[[str], object], text: str, value: object
) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    ("parse", "text", "flag"),
    [
        (texts.parse_state, "a:b:c", "--state"),
        (texts.parse_shape, "x=1,0", "--shape"),
        (texts.parse_time_axis, "x", "--time-axis"),
        (texts.parse_rate, "x", "--rate"),
        (texts.parse_layout_option, "x=Q7", "--layout"),
        (texts.parse_knob, "gain", "--knob"),
        (texts.parse_setting, "a=", "--set"),
        (texts.parse_constant, "a=b", "--constant"),
        (texts.parse_noise, "z=pink", "--noise"),
    ],
)
def test_what_is_none_is_refused_by_its_flag(
    parse: Callable[[str], object], text: str, flag: str
) -> None:
    with pytest.raises(UsageError, match=f"^{flag} '"):
        parse(text)


def test_a_name_is_set_once() -> None:
    assert texts.collect_settings([("a", "1"), ("b", "2")]) == {"a": "1", "b": "2"}
    with pytest.raises(UsageError, match="--set a: given 2 times"):
        texts.collect_settings([("a", "1"), ("a", "2")])
    assert texts.has_value("a=1") and texts.has_no_value("a")
