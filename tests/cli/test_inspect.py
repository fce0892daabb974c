"""``edgekit inspect`` prints a build's ports, or why a network cannot be lowered."""

from pathlib import Path

import pytest
import tiny_build
from typer.testing import CliRunner

from edgekit import api
from edgekit.base.errors import Problem
from edgekit.cli import app
from edgekit.verbs.inspection_result import Inspection


def test_a_build_shows_its_ports(tmp_path: Path) -> None:
    build = tiny_build.write(tmp_path / "build")
    printed = CliRunner().invoke(app, ["inspect", str(build)]).stdout
    assert "inputs and outputs" in printed and "pcm_out" in printed and "leaky" in printed


def test_what_is_not_supported_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    problems = (Problem("Exp 'e'", "float64", "float32", "cast it"),)
    found = Inspection("model", None, {"Exp": 3}, problems, None, None, None)
    monkeypatch.setattr(api, "inspect", lambda source, html, proof, **options: found)
    printed = CliRunner().invoke(app, ["inspect", "net.onnx"]).stdout
    assert "not supported" in printed and "cast it" in printed and "Exp" in printed
