"""``edgekit prune`` prints what became of each weight."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from edgekit import api
from edgekit.cli import app
from edgekit.export.prune import PrunedLayer

ROWS = (
    PrunedLayer("fc", "Gemm", "w", (4, 8), 8, 0.5, 0.9),
    PrunedLayer("small", "Gemm", "v", (2, 2), 2, 1.0, 1.0, "fewer than 1024 weights"),
)


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    given: dict[str, Any] = {}

    def prune(*arguments: Any, **options: Any) -> tuple[PrunedLayer, ...]:
        given.update(options, arguments=arguments)
        return ROWS

    monkeypatch.setattr(api, "prune", prune)
    return given


WORDS = ["prune", "net.onnx", "--pattern", "2:4", "-o", "out.onnx"]


def test_each_weight_is_a_row_and_a_reason(taken: dict[str, Any]) -> None:
    result = CliRunner().invoke(app, [*WORDS, "--layers", "fc", "--smallest", "7"])
    assert result.exit_code == 0
    assert "50.0%" in result.stdout and "fewer than 1024 weights" in " ".join(result.stdout.split())
    assert taken["layers"] == "fc" and taken["smallest"] == 7
    assert taken["arguments"][:2] == ("net.onnx", "2:4")


def test_json_has_the_rows(taken: dict[str, Any]) -> None:
    facts = json.loads(CliRunner().invoke(app, [*WORDS, "--json"]).stdout)
    assert facts["pattern"] == "2:4" and [row["kept"] for row in facts["layers"]] == [0.5, 1.0]
