"""Every verb refuses repeated and empty options, and hides options of rare use."""

from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from edgekit.base.errors import UsageError
from edgekit.cli import app
from edgekit.cli.command import VerbCommand

VERBS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]


def test_every_verb_has_the_checks() -> None:
    assert len(VERBS) > 10 and all(isinstance(command, VerbCommand) for command in VERBS.values())


def test_an_empty_value_as_of_an_unset_variable_is_refused() -> None:
    words = ["export", "net.onnx", "--target", "", "-o", "", "--recipe", "w8a8"]
    error = CliRunner().invoke(app, words).exception
    assert isinstance(error, UsageError)
    assert [(p.where, p.found) for p in error.problems] == [
        ("--target", "an empty text"),
        ("--out", "an empty text"),
    ]


def test_a_verb_says_how_many_options_it_does_not_show() -> None:
    for name, command in VERBS.items():
        hidden = sum(getattr(parameter, "hidden", False) for parameter in command.params)
        assert (f"edgekit {name} --help-all shows {hidden} more" in command.epilog) == (hidden > 0)
    assert "more options" in VERBS["export"].epilog


def test_paragraphs_of_help_are_not_broken_inside() -> None:
    assert all("\n" not in part for part in VERBS["run"].help.split("\n\n"))


@pytest.mark.parametrize("word", ["nosuch", "Export"])
def test_a_word_that_is_no_verb_is_refused(word: str) -> None:
    error = CliRunner().invoke(app, [word]).exception
    assert isinstance(error, UsageError) and f"command '{word}'" in str(error)


def test_completion_of_half_a_command_does_not_fail() -> None:
    command: Any = VERBS["export"]
    context = command.make_context(
        "export", ["--target", "host", "--target", "c"], resilient_parsing=True
    )
    assert context.params["target"] == "c"
