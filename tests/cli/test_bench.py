"""``edgekit bench``: what does not go together is refused by name; a fleet's failures end with exit code 1."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from edgekit import api
from edgekit.base.errors import ToolError, UsageError
from edgekit.cli import app
from edgekit.verbs.bench.fleet import Ran


def refused(*words: str) -> str:
    result = CliRunner().invoke(app, ["bench", *words])
    assert isinstance(result.exception, UsageError)
    return str(result.exception)


def test_a_comparison_measures_nothing() -> None:
    said = refused("build", "--compare", "r.jsonl", "--layers")
    assert "DIR: given with --compare" in said and "--layers: given with --compare" in said
    assert "--out: not given" in said and "--hops" not in said


def test_a_fleet_takes_no_single_build() -> None:
    said = refused("--fleet", "f.toml", "--device", "local")
    assert "--device: given with --fleet" in said and "--append: not given" in said
    assert "--fleet: not given" in refused("--again")
    assert "DIR: not given" in refused()


def test_a_fleet_with_failures_is_exit_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = Ran(2, ("a: build",), failed={"b: build": ToolError("no way there")})

    def fleet(*_: Any, **__: Any) -> Ran:
        return ran

    monkeypatch.setattr(api, "fleet", fleet)
    words = ["bench", "--fleet", "f.toml", "--append", str(tmp_path / "r.jsonl")]
    result = CliRunner().invoke(app, [*words, "--json"])
    assert result.exit_code == 1
    facts = json.loads(result.stdout)
    assert facts["run"] == 2 and facts["kept"] == ["a: build"]
    assert facts["failed"] == {"b: build": "no way there"}
