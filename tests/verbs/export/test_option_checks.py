"""Options of a program: known, of their type, and read."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit.base.errors import UsageError
from edgekit.verbs.export.option_checks import check_options, read_options, texts_of
from edgekit.verbs.export.options import ExportOptions


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"hop": "4"}, "option hop: '4'; allowed: int | None"),
        ({"controls": "knob"}, "option controls: 'knob'; allowed: Sequence[str]"),
        ({"shapes": [1]}, "option shapes: [1]; allowed: Mapping[str, Sequence[int]]"),
        ({"strict": "yes"}, "option strict: 'yes'; allowed: bool"),
        ({"sampler": 3}, "option sampler: 3; allowed: str | Path | None"),
    ],
)
def test_a_value_of_another_type_is_named_with_its_type(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as refused:
        check_options(options, ExportOptions)
    assert said in str(refused.value)


def test_numbers_of_other_packages_and_paths_are_taken() -> None:
    check_options(
        {"hop": np.int32(4), "min_snr_db": np.float32(3), "recipe": Path("r.toml")}, ExportOptions
    )
    with pytest.raises(TypeError, match="no option hopp; hop is nearest"):
        check_options({"hopp": 4}, ExportOptions)


def test_what_can_be_read_is_a_value_and_the_rest_are_problems() -> None:
    given: dict[str, Any] = {"rates": {"f0": 64}, "layouts": {"x": "??"}, "hop": None, "until": "y"}
    read = read_options(given, ExportOptions)
    assert read.values.keys() == {"rates"} and "hop" not in read.user_options
    assert list(read.problems_by_name) == ["layouts", "until"]
    assert read.problems[0].where == "--layout x"


def test_a_group_takes_the_values_of_its_names() -> None:
    @dataclass
    class Group:
        hop: int = 1
        causal: bool = False
        more: str = ""

    read = read_options({"hop": 4, "noise": {"z": "normal"}}, ExportOptions)
    assert read.group(Group, more="x") == Group(4, False, "x")
    assert read.group(Group, hop=7).hop == 7


def test_texts_are_one_or_several_each_once() -> None:
    assert texts_of("ab") == ("ab",) and texts_of(["a", "b", "a"]) == ("a", "b")
    assert texts_of(None) == ()
