"""The engine's integers beside those of the C targets: equal bits but for the width of one multiplier."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from fpga_networks import calibration
from torch import Tensor, nn

from edgekit.fpga import golden, integers
from edgekit.fpga.lower import lower
from edgekit.fpga.spec import MULTIPLIER_BITS, EngineSpec
from edgekit.graph.model import Model
from edgekit.operators.fixed_point import output
from edgekit.operators.oracle import Oracle
from edgekit.operators.scheme import fixed_point
from edgekit.quantize.apply import quantize
from edgekit.quantize.recipe_file import find_recipe
from edgekit.verbs.export.importing import ImportOptions, load_model

RECIPE = replace(find_recipe("w8a8"), bias_correction=False)  # the engine's lowering has none
WIDE = 31  # bits of the C targets' multipliers
_seed = [0]  # of what `drawn` makes


class Drawn(nn.Module):
    """Convolutions of any form in a row, with what is folded into them; then half of the channels, upsampled."""

    def __init__(self, random: np.random.Generator) -> None:
        super().__init__()
        layers, channels = list[nn.Module](), 3
        for _ in range(4):
            outputs = int(random.choice([4, 6, 8]))
            groups = int(random.choice([1, np.gcd(channels, outputs)]))
            kernel = tuple(int(k) for k in random.choice([1, 3, 5], 2))
            padding, stride = tuple(k // 2 for k in kernel), int(random.integers(1, 3))
            layers.append(nn.Conv2d(channels, outputs, kernel, stride, padding, groups=groups))
            layers += [nn.BatchNorm2d(outputs, momentum=1.0)] * int(random.integers(2))
            layers.append([nn.ReLU(), nn.ReLU6(), nn.Identity()][random.integers(3)])
            channels = outputs
        self.layers = nn.Sequential(*layers, nn.MaxPool2d(2, ceil_mode=True))
        self.last = nn.Conv2d(channels // 2, 5, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        half = self.layers(x).chunk(2, 1)[1]
        y: Tensor = self.last(nn.functional.interpolate(half, scale_factor=2.0, mode="nearest"))
        return y


def drawn() -> tuple[nn.Module, tuple[Tensor, ...]]:
    torch.manual_seed(_seed[0])
    net = Drawn(np.random.default_rng(_seed[0]))
    with torch.no_grad():
        net.train()(torch.randn(4, 3, 33, 26))
    return net.eval(), (torch.randn(1, 3, 33, 26),)


def both(model: Model) -> tuple[Any, Any, float]:
    """Outputs of the engine's golden model, of the C targets' oracle, and a step of them."""
    pictures = calibration(model, 2)
    network = lower(model, pictures, EngineSpec(weight_bits=8))
    ((name, x),) = pictures.clips[0].items()
    (found,) = Oracle(quantize(model, pictures, RECIPE)).run_hops({name: x}).values()
    (view,) = network.outputs.values()
    made = np.stack([next(iter(golden.infer(network, {name: p}).values())) for p in x])
    return made, found, network.tensors[view.tensors[0]].kind.scale


@pytest.mark.rows(1)
@pytest.mark.parametrize("seed", range(2))
def test_with_multipliers_as_wide_the_bits_are_those_of_the_c_targets(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    _seed[0] = seed
    model = load_model(f"{__name__}:drawn", ImportOptions()).model
    made, found, step = both(model)
    assert np.abs(made - found).max() < 2.5 * step
    monkeypatch.setattr(integers, "MULTIPLIER_BITS", WIDE)
    made, found, _ = both(model)
    np.testing.assert_array_equal(made, found)


def test_a_narrow_multiplier_is_another_step_only_beside_a_tie() -> None:
    random = np.random.default_rng(0)
    real = random.uniform(2.0**-12, 2.0**-9, 200)
    sums = (random.uniform(-128, 128, (5000, 200)) / real).astype(np.int64)
    narrow, wide = (
        output(sums, *fixed_point(real, bits), 0, -128, 127) for bits in (MULTIPLIER_BITS, WIDE)
    )
    differ, value = narrow != wide, sums * real
    assert 1e-4 < differ.mean() < 1e-3 and np.abs(narrow - wide).max() == 1
    to_tie = np.abs(value - np.floor(value) - 0.5)
    assert (to_tie[differ] <= np.abs(value[differ]) * 2.0**-MULTIPLIER_BITS + 1e-6).all()
