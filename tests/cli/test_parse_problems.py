"""What the parser refuses is said in EdgeKit's form, all of it at once."""

import json
import sys

import pytest
from typer.testing import CliRunner

from edgekit import cli
from edgekit.base.errors import Problem, UsageError
from edgekit.cli import VERBS, app
from edgekit.cli.parse_problems import SYNONYMS, verb_problem


def problems(*words: str) -> tuple[Problem, ...]:
    error = CliRunner().invoke(app, list(words)).exception
    assert isinstance(error, UsageError)
    return error.problems


def test_everything_that_is_missing_is_listed() -> None:
    found = problems("export")
    assert [problem.where for problem in found] == ["MODEL", "--target", "--out, -o"]
    assert {problem.next_step for problem in found} == {
        "edgekit export MODEL --target TARGET -o DIR"
    }


def test_a_word_too_many_and_what_is_missing_come_together() -> None:
    found = problems("export", "net.onnx", "b", "--target", "host")
    assert [problem.where for problem in found] == ["--out, -o", "'b'"]


def test_an_option_that_took_the_next_one_as_its_value_is_named() -> None:
    found = problems("export", "net.onnx", "--target", "-o", "b")
    assert (found[0].where, found[0].found) == ("--target", "no value: '-o' follows")


@pytest.mark.parametrize(
    ("words", "where", "step"),
    [
        (("export", "--samplerate", "1"), "option --samplerate", "write --sample-rate"),
        (("export", "-t", "host"), "option -t", "write --target"),
        (("run", "b", "--const", "c.npz"), "option --const", "write --constants"),
        (("doctor", "--zzz"), "option --zzz", "edgekit doctor --help-all lists them"),
        (("export", "n.onnx", "--target"), "option --target", "write --target TARGET"),
        (("export", "--strict=yes"), "option --strict", "write --strict"),
    ],
)
def test_an_option_that_cannot_be(words: tuple[str, ...], where: str, step: str) -> None:
    (problem,) = problems(*words)
    assert (problem.where, problem.next_step) == (where, step)


def test_words_for_verbs_of_other_tools_lead_to_a_verb() -> None:
    for word, verb in SYNONYMS.items():
        assert verb in VERBS or verb == "--version"
        assert f"'{verb}' is nearest" in verb_problem(word, list(VERBS)).next_step
    assert "edgekit export net:make" in verb_problem("net:make", list(VERBS)).next_step


def test_errors_of_the_parser_are_json_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["edgekit", "export", "--json"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    error = json.loads(capsys.readouterr().out)["error"]
    assert ended.value.code == 2 and len(error["problems"]) == 3


@pytest.mark.parametrize(
    ("word", "option"),
    [("--overwrite", "--force"), ("--dtype", "--recipe"), ("--sr", "--sample-rate")],
)
def test_options_of_other_tools_lead_to_one_of_the_verb(word: str, option: str) -> None:
    assert option in problems("export", "a.onnx", word, "x")[0].next_step


def test_a_word_that_only_looks_alike_leads_to_no_option() -> None:
    assert "--help-all" in problems("export", "a.onnx", "--zebra", "x")[0].next_step


def test_a_word_too_many_beside_an_option_that_repeats_is_named() -> None:
    words = ("export", "a.onnx", "--target", "host", "-o", "b", "--hop", "8", "msec")
    found = problems(*words, "--time-axis", "x:2")
    assert [problem.where for problem in found] == ["'msec'"]
