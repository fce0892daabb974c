"""A training of the sensor's networks from the start."""

from pathlib import Path

import torch

from edgekit.demos.sensor import train
from edgekit.demos.sensor.data import CHUNK
from edgekit.demos.sensor.network import KINDS


def test_a_quick_training_runs_and_goes_on(tmp_path: Path) -> None:
    for kind in KINDS:
        train.train(kind, 2, tmp_path, 80 * CHUNK)
        first = torch.load(tmp_path / f"{kind}.checkpoint", weights_only=True)
        train.train(kind, 4, tmp_path, 80 * CHUNK)
        second = torch.load(tmp_path / f"{kind}.checkpoint", weights_only=True)
        assert (first["step"], second["step"]) == (2, 4)
        assert not torch.equal(first["network"]["leave.weight"], second["network"]["leave.weight"])
