"""A training of the instrument from the start."""

from pathlib import Path

import numpy as np
import torch

from edgekit.base.npz import write_npz
from edgekit.base.wav import write_wav
from edgekit.demos.instrument import train
from edgekit.demos.instrument.listener import RATE
from edgekit.demos.instrument.prepare import performance


def tone(f0: float, seconds: float, harmonics: int = 8) -> np.ndarray:
    turns = f0 * np.arange(int(seconds * RATE)) / RATE
    parts = [np.sin(2 * np.pi * k * turns) / k for k in range(1, harmonics + 1)]
    return (0.1 * np.sum(parts, 0)).astype(np.float32)


def test_a_quick_training_runs_and_goes_on(tmp_path: Path) -> None:
    for part in ("train", "held"):
        (tmp_path / part).mkdir()
        _, pitch = performance(np.random.default_rng(3), 1.0)
        write_npz(tmp_path / part / "0.npz", {"f0": pitch})
        for kind in ("dry", "wet"):
            write_wav(tmp_path / part / f"0.{kind}.wav", tone(150, 1.0), RATE, "PCM_16")
    out = tmp_path / "made.npz"
    train.train(tmp_path, 1, out, quick=True)
    first = torch.load(out.with_suffix(".checkpoint"), weights_only=True)
    train.train(tmp_path, 1, out, quick=True)
    second = torch.load(out.with_suffix(".checkpoint"), weights_only=True)
    assert second["step"] == first["step"] + 1 and out.stat().st_size < 150_000
    assert not torch.equal(first["network"]["choose.weight"], second["network"]["choose.weight"])
