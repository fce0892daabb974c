"""Trainings of the network of closures: from the start, and on recordings."""

from pathlib import Path

import numpy as np
import pytest
import torch

from edgekit.base.wav import write_wav
from edgekit.demos.voice_source import train
from edgekit.demos.voice_source.closures import RATE
from edgekit.demos.voice_source.diphones import Diphone
from edgekit.demos.voice_source.network import WEIGHTS


def test_a_quick_training_runs_and_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "made.npz"
    train.train(1, out, quick=True)
    first = torch.load(out.with_suffix(".checkpoint"), weights_only=True)
    train.train(1, out, quick=True)
    second = torch.load(out.with_suffix(".checkpoint"), weights_only=True)
    assert second["step"] == 2 * first["step"] and out.stat().st_size < 150_000
    assert not torch.equal(first["network"]["leave.weight"], second["network"]["leave.weight"])


def test_a_training_goes_on_with_recordings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tone = np.sin(2 * np.pi * 125 * np.arange(RATE) / RATE).astype(np.float32)
    for name in "ab":
        write_wav(tmp_path / f"{name}.wav", 0.1 * tone, RATE, "PCM_16")
    marks = 0.01 + 0.008 * np.arange(100)
    monkeypatch.setattr(
        train, "read_diphones", lambda _: [Diphone(tone, marks, np.ones(100, bool))] * 13
    )
    monkeypatch.setattr(train, "HELD_OUT", 2)
    out = tmp_path / "made.npz"
    train.train(1, out, True, WEIGHTS, tmp_path / "voice.group", [tmp_path])
    assert out.stat().st_size < 150_000
