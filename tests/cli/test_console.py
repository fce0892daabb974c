"""What verbs print: errors as lists or JSON, stages once, Ctrl-C by name."""

import json

import pytest

from edgekit.base.errors import CheckFailed, Problem, Stopped, UsageError
from edgekit.cli.console import print_json, progress, show_error

ERROR = UsageError([Problem("a", "b", "c", "d"), Problem("e", "f", "g", "h")])


def test_every_problem_is_listed_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert show_error(ERROR, as_json=False) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("error: ") == 2
    assert "allowed: g" in printed.err and "next:    h" in printed.err


def test_json_names_the_kind_and_the_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert show_error(CheckFailed("no"), as_json=True) == 1
    found = json.loads(capsys.readouterr().out)["error"]
    assert found == {"kind": "CheckFailed", "exit_code": 1, "message": "no", "problems": []}
    show_error(ERROR, as_json=True)
    assert len(json.loads(capsys.readouterr().out)["error"]["problems"]) == 2


def test_a_stage_is_said_once_and_nothing_beside_json(capsys: pytest.CaptureFixture[str]) -> None:
    for as_json in (False, True):
        with progress(as_json) as report:
            report("compile", 0, 2)
            report("compile", 1, 2)
    assert capsys.readouterr().err == "compile ...\n"


def test_an_interrupt_names_the_stage() -> None:
    with pytest.raises(Stopped, match="stopped in: verify"), progress(True) as report:
        report("verify", 0, 1)
        raise KeyboardInterrupt


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": [1]})
    assert json.loads(capsys.readouterr().out) == {"a": [1]}
