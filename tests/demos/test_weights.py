"""Weights in half precision, by their names."""

from pathlib import Path

import torch
from torch import nn

from edgekit.base.npz import read_npz
from edgekit.demos.weights import load, save


def test_a_network_gets_back_its_weights_in_half_precision(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network, other = nn.Linear(3, 2), nn.Linear(3, 2)
    save(network, tmp_path / "w.npz")
    assert {array.dtype.name for array in read_npz(tmp_path / "w.npz").values()} == {"float16"}
    load(other, tmp_path / "w.npz")
    assert torch.equal(other.weight, network.weight.half().float())
