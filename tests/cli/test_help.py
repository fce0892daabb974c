"""Help that helps after an install: pages by name, groups, and no address that a wheel lacks."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
from prose import ROOT
from typer.testing import CliRunner

from edgekit.base.errors import UsageError
from edgekit.cli import VERBS, app
from edgekit.cli.help import FOLDERS, pages
from edgekit.verbs.export.flags import option_specs
from edgekit.verbs.export.option_groups import GROUP_OF
from edgekit.verbs.export.options import ExportOptions

HELP = re.compile(r"edgekit help ([a-z-]+)")
PRODUCT = ("src", "export", "fpga", "graph", "operators", "quantize", "runtime", "targets")


def test_the_list_and_a_page() -> None:
    listed = CliRunner().invoke(app, ["help"])
    assert listed.exit_code == 0 and "frontends" in listed.stdout
    page = CliRunner().invoke(app, ["help", "ports"])
    assert page.stdout == (ROOT / "docs" / "guides" / "ports.md").read_text("utf-8")
    assert CliRunner().invoke(app, ["help", "docs/guides/ports.md"]).stdout == page.stdout
    assert (
        json.loads(CliRunner().invoke(app, ["help", "ports", "--json"]).stdout)["page"] == "ports"
    )


def test_a_page_that_there_is_not_is_refused_with_the_nearest() -> None:
    error = CliRunner().invoke(app, ["help", "frontend"]).exception
    assert isinstance(error, UsageError) and "'frontends' is nearest" in str(error)


def test_a_verb_is_a_topic() -> None:
    text = CliRunner().invoke(app, ["help", "export"]).stdout
    assert "--max-flash" in text and "--calibration" in text


def test_every_page_that_a_message_or_help_text_names_comes_with_a_wheel() -> None:
    named, known = set(), pages().keys()
    for folder in PRODUCT:
        for path in (ROOT / folder).rglob("*.py"):
            named |= set(HELP.findall(path.read_text("utf-8")))
    assert len(named) > 10 and named - known - {"fr"} == set()
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    for folder in FOLDERS:
        assert f"edgekit.pages.{folder}" in packages["packages"]
        assert packages["package-data"][f"edgekit.pages.{folder}"] == ["*.md"]


def test_help_shows_the_usual_options_on_a_page_and_help_all_shows_every_one() -> None:
    environment = {"COLUMNS": "80", "TERMINAL_WIDTH": "80"}
    short = CliRunner().invoke(app, ["export", "--help"], env=environment).stdout
    whole = CliRunner().invoke(app, ["export", "--help-all"], env=environment).stdout
    assert len(short.splitlines()) <= 66 and "export --help-all shows" in " ".join(short.split())
    for name, row in option_specs(ExportOptions).items():
        assert row.flag_name in whole
        assert (f"{row.flag_name} " in short) == (name in GROUP_OF[name].usual)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_the_switches_of_all(verb: str) -> None:
    command: Any = typer.main.get_command(app).commands[verb]  # type: ignore[attr-defined]
    flags = {opt for parameter in command.params for opt in parameter.opts}
    assert {"--quiet", "-q", "--verbose", "-v", "--help-all", "--json"} <= flags
    assert CliRunner().invoke(app, [verb, "--help-all"]).exit_code == 0


def test_pages_are_links_to_the_documentation() -> None:
    folder = ROOT / "src" / "edgekit" / "pages"
    for name in FOLDERS:
        assert (folder / name).resolve() == ROOT / "docs" / name
        assert {path.suffix for path in (folder / name).iterdir()} == {".md"}, Path(name)
