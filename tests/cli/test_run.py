"""``edgekit run``: what goes with the microphone, and what is written."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_build
from typer.testing import CliRunner

from edgekit import api
from edgekit.base.errors import UsageError
from edgekit.cli import app


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["in.wav", "out.wav"], "'in.wav' with --mic"),
        (["--device", "sim"], "'--device sim' with --mic"),
        (["--found", "a.json"], "'--found a.json' with --mic"),
    ],
)
def test_files_do_not_go_with_the_microphone(words: list[str], named: str) -> None:
    result = CliRunner().invoke(app, ["run", "build", *words, "--mic"])
    assert isinstance(result.exception, UsageError) and named in str(result.exception)


def test_every_file_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build = tiny_build.write(tmp_path / "build")
    np.savez(tmp_path / "in.npz", pcm=np.zeros((1, 1, tiny_build.HOP), np.float32))
    taken: dict[str, Any] = {}

    def run(*arguments: Any, **options: Any) -> tuple[str, ...]:
        taken.update(options, arguments=arguments)
        return ("resampled",)

    monkeypatch.setattr(api, "run", run)
    words = ["run", str(build), "pcm=in.wav", "pcm_out=out.wav", "--set", "knob=1", "--seed", "3"]
    facts = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert facts == {"path": "out.wav", "paths": ["out.wav"], "notes": ["resampled"]}
    assert taken["controls"] == ["knob=1"] and taken["seed"] == 3
    assert taken["arguments"][1:] == ({"pcm": Path("in.wav")}, {"pcm_out": Path("out.wav")})
    printed = CliRunner().invoke(app, words).stdout
    assert "note: resampled" in printed and "wrote out.wav" in printed
