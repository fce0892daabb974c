"""A training of the keyword spotter from the start."""

from pathlib import Path

import numpy as np
import soundfile
import torch

from edgekit.demos.wake import train
from edgekit.demos.wake.network import RATE


def test_a_quick_training_runs_and_goes_on(tmp_path: Path) -> None:
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
    train.train(tmp_path / "heard", 1, out, quick=True)
    second = torch.load(out.with_suffix(".checkpoint"), weights_only=True)
    assert second["step"] == 2 * first["step"] and out.stat().st_size < 120_000
    assert not torch.equal(first["network"]["score.weight"], second["network"]["score.weight"])
