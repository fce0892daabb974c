"""A training of the network of closures from the start."""

from pathlib import Path

import torch

from edgekit.demos.voice_source import train


def test_a_quick_training_runs_and_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "made.npz"
    train.train(1, out, quick=True)
    first = torch.load(out.with_suffix(".checkpoint"), weights_only=True)
    train.train(1, out, quick=True)
    second = torch.load(out.with_suffix(".checkpoint"), weights_only=True)
    assert second["step"] == 2 * first["step"] and out.stat().st_size < 150_000
    assert not torch.equal(first["network"]["leave.weight"], second["network"]["leave.weight"])
