"""``edgekit targets`` lists what is missing."""

import json

import pytest
from typer.testing import CliRunner

from edgekit import api
from edgekit.cli import app
from edgekit.verbs.doctor import TargetFacts


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [TargetFacts("one", "C", ("cc",), ()), TargetFacts("two", "more", ("cc", "x"), ("x",))]
    monkeypatch.setattr(api, "targets", lambda: rows)
    printed = CliRunner().invoke(app, ["targets"]).stdout
    assert "missing: x" in printed and "yes" in printed
    facts = json.loads(CliRunner().invoke(app, ["targets", "--json"]).stdout)
    assert [row["found"] for row in facts] == [True, False]
