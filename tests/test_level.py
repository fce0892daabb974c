"""`RmsNormalized`: an int8 blind denoiser is as good at every level as at that of its calibration."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from builds import lowered
from c_kernels import needs_cc
from numpy.typing import NDArray
from torch import nn

from edgekit.export.from_torch import from_torch
from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.level import RmsNormalized
from edgekit.operators.oracle import Oracle
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.recipe import Recipe
from edgekit.runtime.stream import Stream

LEVELS = (10.0, 1.0, 0.1, 0.01, 0.001)
SHAPE = (1, 1, 16, 16)
AT_ITS_LEVEL = Recipe(
    "blind", "int8", "int8", smooth_inputs="int16", tensors={"x": "float32", "y": "float32"}
)


class Blind(nn.Module):
    """Convolutions without biases: the noise that they find scales with x."""

    output_names = ("y",)

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        sizes = [1, 8, 8, 8]
        layers = [nn.Conv2d(a, b, 3, 1, 1, bias=False) for a, b in pairwise(sizes)]
        pairs = [layer for conv in layers for layer in (conv, nn.ReLU())]
        self.noise = nn.Sequential(*pairs, nn.Conv2d(8, 1, 3, 1, 1, bias=False))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = x - self.noise(x)
        return y


def plain() -> tuple[nn.Module, torch.Tensor]:
    return Blind().eval(), torch.zeros(SHAPE)


def normalized() -> tuple[nn.Module, torch.Tensor]:
    return RmsNormalized(Blind()).eval(), torch.zeros(SHAPE)


def noise(level: float, seed: int) -> dict[str, NDArray[np.float32]]:
    x = np.random.default_rng(seed).standard_normal((20, *SHAPE))
    return {"x": (level * x).astype(np.float32)}


def test_it_is_the_network_itself_at_every_level() -> None:
    network = Blind().eval()
    for level in (*LEVELS, 0.0):
        x = torch.from_numpy(noise(level, 1)["x"][0])
        with torch.no_grad():
            assert torch.allclose(RmsNormalized(network)(x), network(x), atol=1e-6 * level)


@pytest.mark.rows(1)
@needs_cc
@pytest.mark.parametrize("factory", ["plain", "normalized"])
def test_integers_serve_every_level_behind_it(factory: str, tmp_path: Path) -> None:
    model, _ = from_torch(f"test_level:{factory}", name="blind")
    recipe = AT_ITS_LEVEL if factory == "normalized" else "w8a8"
    quantized = quantize(model, Calibration((noise(1.0, 0),), "noise"), recipe)
    lowered(quantized, tmp_path)
    stream, found = Stream.open(tmp_path), []
    for level in LEVELS:
        given = noise(level, 2)
        got = stream.run(given)
        np.testing.assert_array_equal(got["y"], Oracle(quantized).run_hops(given)["y"])
        found.append(snr_db(run_hops(model, given)["y"], got["y"]))
    if factory == "normalized":
        assert min(found) > 25 and max(found) - min(found) < 0.1, found
    else:
        assert found[1] > 25 and found[3] < 10, found
