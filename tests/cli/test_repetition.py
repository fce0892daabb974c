"""An option that is given twice is refused, or both are used: the last one never wins in silence."""

from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from edgekit.base.errors import UsageError
from edgekit.base.settings import read_settings
from edgekit.cli import app
from edgekit.cli.repetition import refuse_repeated, repeated_items
from edgekit.cli.sample import parse_conditions
from edgekit.verbs.export.flags import option_specs
from edgekit.verbs.export.options import ExportOptions

VERBS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
# A value that each repeatable flag takes, of one name.
TEXTS = {
    "--shape": "x=1,2",
    "--constant": "x=1",
    "--time-axis": "x:2",
    "--replace": "mean=window:9",
    "--rate": "x=64",
    "--control": "x",
    "--layout": "x=NCT",
    "--state": "x:y",
    "--frontend": "x=frame:8:8",
    "--wrap": "lv2",
    "--knob": "x=0:1:0",
    "--mid-side": "x",
    "--noise": "x",
    "--package": "zephyr",
    "--bindings": "cpp",
    "--set": "x=0.3",
}


def single_options() -> list[tuple[str, str]]:
    """Every verb with each of its options of one value."""
    return [
        (verb, max(option.opts, key=len))
        for verb, command in VERBS.items()
        for option in command.params
        if option.param_type_name == "option"
        and not (option.is_flag or option.multiple)
        and option.name != "help"
    ]


@pytest.mark.rows(30)
@pytest.mark.parametrize(("verb", "flag"), single_options())
def test_an_option_of_one_value_is_refused_where_it_is_given_twice(verb: str, flag: str) -> None:
    result = CliRunner().invoke(app, [verb, flag, "1", flag, "2"])
    assert isinstance(result.exception, UsageError)
    (problem,) = result.exception.problems
    assert (problem.where, problem.found) == (flag, "given 2 times")


def test_a_switch_may_be_repeated() -> None:
    assert CliRunner().invoke(app, ["targets", "--json", "--json"]).exit_code == 0


@pytest.mark.parametrize("flag", TEXTS)
def test_a_repeatable_flag_is_refused_where_a_name_is_given_twice(
    flag: str, tmp_path: Path
) -> None:
    words = ["export", "net.onnx", "--target", "host", "-o", str(tmp_path / "out")]
    result = CliRunner().invoke(app, [*words, flag, TEXTS[flag], flag, TEXTS[flag]])
    assert isinstance(result.exception, UsageError)
    (problem,) = result.exception.problems
    assert problem.where.startswith(flag) and problem.found == "given 2 times"


def test_no_repeatable_flag_was_forgotten() -> None:
    rows = option_specs(ExportOptions).values()
    assert {row.flag_name for row in rows if row.flag.many} == set(TEXTS)


def test_other_verbs_refuse_a_name_that_is_given_twice() -> None:
    with pytest.raises(UsageError, match=r"--set 'knob=0.4': given 2 times"):
        read_settings(["knob=0.3", "other=1", "knob=0.4"])
    with pytest.raises(UsageError, match="--condition 'label': given 2 times"):
        parse_conditions(["label=1", "label=2"])
    assert parse_conditions(["label=1", "other=2"]) == {"label": 1, "other": 2}


def test_repeated_items_come_once_each_in_order() -> None:
    assert repeated_items("abcbbaa") == ["b", "a"]
    refuse_repeated("--flag", [("a", 1), ("b", 1)])
