"""Trainings of target speech from the start."""

from pathlib import Path

import numpy as np
import pytest
import torch

from edgekit.base.npz import write_npz
from edgekit.base.wav import write_wav
from edgekit.demos.target_speech import train, train_enrollment
from edgekit.demos.target_speech.head import RATE
from edgekit.demos.target_speech.network import SPEAKER


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(int(seconds * RATE))).astype(
        np.float32
    )


@pytest.fixture
def voices(tmp_path: Path) -> Path:
    folder, random = tmp_path / "voices", np.random.default_rng(0)
    known = {}
    for name in ("asterisk-en", "asterisk-es", "asterisk-fr", "c", "d"):
        (folder / "speech" / name).mkdir(parents=True)
        for number in range(3):
            sound = noise(1.5, number)
            write_wav(folder / "speech" / name / f"{number}.wav", sound, RATE, "PCM_16")
        for part in ("train", "held"):
            known[f"{part}/{name}/1.0"] = random.random((2, SPEAKER)).astype(np.float32)
    (folder / "noise").mkdir()
    write_wav(folder / "noise" / "wind.wav", noise(3.0), RATE, "PCM_16")
    write_npz(folder / "embeddings.npz", known)
    return folder


@pytest.mark.slow
def test_quick_trainings_run_and_go_on(
    voices: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, watch = tmp_path / "made.npz", tmp_path / "watch.npz"
    monkeypatch.setattr(train, "BATCH", 1)
    for steps, total in ((2, 2), (3, 5)):
        monkeypatch.setattr(train, "QUICK_STEPS", steps)
        monkeypatch.setattr(train_enrollment, "QUICK_STEPS", steps)
        train.train(voices, 1, out, quick=True, start_from=None)
        train_enrollment.train(voices, 1, watch, quick=True, start_from=None)
        for file in (out, watch):
            kept = torch.load(file.with_suffix(".checkpoint"), weights_only=True)
            assert kept["step"] == total
    assert out.stat().st_size < 1_500_000 and watch.stat().st_size < 3_000_000
