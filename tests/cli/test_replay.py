"""``edgekit replay`` prints what the verb found, and its exit code says whether the device is right."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edgekit import api
from edgekit.cli import app
from edgekit.verbs.recordings.findings import Replay, ReplayFinding

SAME = Replay(9, 9, 0, (ReplayFinding("input", "Input 'x' is silent: every sample is 0."),))
OTHER = Replay(9, 5, 1, (ReplayFinding("outputs", "In hop 4 output 'y' differs.", 4, "conv"),))
NONE = Replay(9, 0, 0, ())


@pytest.mark.parametrize(("found", "code"), [(SAME, 0), (OTHER, 1), (NONE, 1)])
def test_the_exit_code_says_whether_the_device_computes_its_network(
    found: Replay, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "replay", lambda *_, **__: found, raising=False)
    done = CliRunner().invoke(app, ["replay", "a.rec", "build"])
    assert done.exit_code == code and found.verdict in done.stdout
    assert all(finding.text in done.stdout for finding in found.findings)
    done = CliRunner().invoke(app, ["replay", "a.rec", "build", "--json"])
    facts = json.loads(done.stdout)
    assert done.exit_code == code and facts["same"] == (code == 0)
    assert (facts["first_hop"], facts["first_layer"]) == (found.first_hop, found.first_layer)


def test_a_recording_that_is_not_there_ends_with_2(tmp_path: Path) -> None:
    assert CliRunner().invoke(app, ["replay", str(tmp_path / "no.rec"), "build"]).exception
