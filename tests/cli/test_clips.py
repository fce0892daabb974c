"""`edgekit clips` says what it wrote, and how to use it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edgekit.cli import app


def test_the_files_and_their_use_are_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["clips", "sounds"])
    assert done.exit_code == 0 and "wrote sounds/noisy.wav" in done.output
    assert "--calibration sounds/calibration" in done.output
    assert "edgekit run BUILD sounds/noisy.wav out.wav" in done.output


def test_json_has_the_folder_and_the_files(tmp_path: Path) -> None:
    facts = json.loads(CliRunner().invoke(app, ["clips", str(tmp_path / "out"), "--json"]).output)
    assert facts["directory"] == str(tmp_path / "out")
    assert all((tmp_path / "out" / name).is_file() for name in facts["files"])
    assert {"CREDITS.md", "noisy.wav", "calibration/1_birds.wav"} <= {*facts["files"]}
