"""The keyword spotter: which frames are a keyword's, and a training from the start."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from tiny_build import needs_cc

from edgekit.cli.demo import show_hearable
from edgekit.demos.wake import train
from edgekit.demos.wake.data import FRAMES, labels_of
from edgekit.demos.wake.network import BANDS, HOP, RATE, build
from edgekit.demos.wake.show import KEPT, show


def test_frames_behind_a_keyword_are_its_own_and_those_around_are_unsure() -> None:
    end = 2 * RATE
    labels = labels_of(end)
    late = (np.arange(1, FRAMES + 1) * HOP - end) / RATE
    assert (labels[(late > 0.03) & (late < 0.25)] == 1).all() and 8 <= (labels == 1).sum() <= 13
    assert (labels[(late < -0.41) | (late > 0.7)] == 0).all()
    assert not labels_of(None).any()


@torch.no_grad()
def test_the_network_does_not_look_ahead() -> None:
    network, _ = build()
    mel = torch.randn(1, BANDS, 40)
    torch.testing.assert_close(network(mel)[..., :25], network(mel[..., :25]), atol=1e-4, rtol=0)


def test_a_quick_training_runs_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    for place in ("keyword/a", "near/a", "speech/asterisk-a", "noise"):
        folder = tmp_path / "heard" / place
        folder.mkdir(parents=True)
        for number in range(2):
            sound = 0.2 * random.standard_normal(RATE)
            soundfile.write(folder / f"{number}.wav", sound, RATE)
    out = tmp_path / "made.npz"
    train.train(tmp_path / "heard", 1, out, quick=True)
    first = torch.load(out.with_suffix(".checkpoint"), weights_only=True)
    monkeypatch.setitem(train.QUICK, "steps", 2 * first["step"])
    train.train(tmp_path / "heard", 1, out, quick=True)
    second = torch.load(out.with_suffix(".checkpoint"), weights_only=True)
    assert second["step"] == 2 * first["step"] and out.stat().st_size < 120_000
    assert not torch.equal(first["network"]["score.weight"], second["network"]["score.weight"])


@needs_cc
def test_the_demo_hears_every_keyword_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demo = show("host", tmp_path / "out", lambda *_: None, (KEPT,), counted=False)
    (row,) = demo.rows
    found, false, late = row.quality.values()
    assert found == 4 and false == 0
    assert late is not None and late < 300
    assert all((demo.directory / name).stat().st_size for name in demo.files)
    show_hearable(demo, as_json=False)
    assert "keywords" in capsys.readouterr().out
