"""A diffusion transformer in static ranges of 8 bits is refused; wider ones, and attention in a U-Net, are not."""

from dataclasses import replace

import pytest
import torch
from slices import slow_except
from torch import Tensor, nn

from edgekit.base.errors import ModelError
from edgekit.export.diffusion.description import Sampler, attach
from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.graph.model import Model
from edgekit.judge.sampling import own_trajectories
from edgekit.operators.oracle import Oracle
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.recipe import RECIPES
from edgekit.verbs.export.importing import ImportOptions, load_model

WIDTH, PATCH = 16, 2


class Transformer(nn.Module):
    """x (1, 1, 8, 8), t (1,) -> eps: patches become tokens, one block of attention and two layers."""

    def __init__(self, neighbours: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.patches = nn.Conv2d(1, WIDTH, PATCH, PATCH)
        self.mixed = nn.Conv2d(WIDTH, WIDTH, 3, 1, 1) if neighbours else nn.Identity()
        self.time = nn.Linear(1, WIDTH)
        self.norms = nn.ModuleList([nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)])
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.wide, self.narrow = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
        self.last = nn.ConvTranspose2d(WIDTH, 1, PATCH, PATCH)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        h = self.mixed(self.patches(x)).flatten(2).transpose(1, 2) + self.time(t[:, None] / 1000)
        q, k, v = self.qkv(self.norms[0](h)).chunk(3, -1)
        weights = (q @ k.transpose(1, 2) / WIDTH**0.5).softmax(-1)
        h = h + self.out(weights @ v)
        h = h + self.narrow(nn.functional.gelu(self.wide(self.norms[1](h))))
        y: Tensor = self.last(h.transpose(1, 2).reshape(1, WIDTH, 4, 4))
        return y


def transformer() -> tuple[nn.Module, dict[str, Tensor]]:
    """What ``edgekit export test_token_ranges:transformer`` takes."""
    return Transformer(False).eval(), {"x": torch.zeros(1, 1, 8, 8), "t": torch.tensor([3.0])}


def hybrid() -> tuple[nn.Module, dict[str, Tensor]]:
    """The same with a convolution that sees neighbours."""
    return Transformer(True).eval(), transformer()[1]


def denoiser(factory: str) -> tuple[Model, Calibration]:
    model = load_model(f"{__name__}:{factory}", ImportOptions()).network
    model = attach(model, Sampler(steps=4))
    return model, own_trajectories(model, None, 16)


@pytest.mark.parametrize("recipe", slow_except(lambda recipe: recipe == "w4a8", ["w8a8", "w4a8"]))
def test_a_transformer_is_refused_in_static_ranges_of_8_bits(recipe: str) -> None:
    model, calibration = denoiser("transformer")
    with pytest.raises(ModelError) as raised:
        quantize(model, calibration, recipe)
    assert all(word in str(raised.value) for word in (recipe, "tokens", "w8a16"))


def test_16_bits_are_taken() -> None:
    model, calibration = denoiser("transformer")
    (calls,) = calibration.clips
    (exact,) = run_hops(model, dict(calls)).values()
    (found,) = Oracle(quantize(model, calibration, "w8a16")).run_hops(dict(calls)).values()
    assert snr_db(exact, found) > 30


def test_a_network_with_neighbours_or_without_a_sampler_is_taken() -> None:
    model, calibration = denoiser("hybrid")
    assert quantize(model, calibration, "w8a8").quantization.recipe == "w8a8"
    plain = load_model(f"{__name__}:transformer", ImportOptions()).network
    recipe = replace(RECIPES["w8a8"], name="plain")
    assert quantize(plain, calibration, recipe).quantization.recipe == "plain"
