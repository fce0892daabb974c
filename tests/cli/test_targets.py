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


def test_a_chip_or_board_is_shown_with_its_target() -> None:
    run = CliRunner().invoke
    printed = run(app, ["targets", "--board", "RP2350"]).stdout
    assert printed.startswith("RP2350: --target cortex-m33\nRP2350: two Cortex-M33")
    assert "no target" in run(app, ["targets", "--board", "attiny85"]).stdout
    rows = json.loads(run(app, ["targets", "--boards", "--json"]).stdout)
    assert {"rp2040", "esp32"} <= {name for row in rows for name in row["names"]}
    assert "cortex-m33" in run(app, ["targets", "--boards"]).stdout
    assert run(app, ["targets", "--board", "nonesuch"]).exception
