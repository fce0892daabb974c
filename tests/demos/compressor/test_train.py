"""A training of the compressor from the start."""

from pathlib import Path

import numpy as np
import soundfile
import torch

from edgekit.demos.compressor import train
from edgekit.demos.compressor.formula import RATE


def test_a_quick_training_runs_and_goes_on(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    (tmp_path / "heard" / "noise").mkdir(parents=True)
    sound = 0.3 * random.standard_normal(RATE)
    soundfile.write(tmp_path / "heard" / "noise" / "a.wav", sound, RATE)
    out = tmp_path / "made.npz"
    train.train(tmp_path / "heard", 1, out, quick=True)
    first = torch.load(out.with_suffix(".checkpoint"), weights_only=True)
    train.train(tmp_path / "heard", 1, out, quick=True)
    second = torch.load(out.with_suffix(".checkpoint"), weights_only=True)
    assert second["step"] == 2 * first["step"] and out.stat().st_size < 60_000
    assert not torch.equal(first["network"]["gather.weight"], second["network"]["gather.weight"])
