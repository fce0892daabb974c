"""States of state-space layers in 16 bits: half the bytes, the oracle's bits in C, and what that costs."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from builds import lowered, noise
from c_kernels import needs_cc
from devices import on_devices, replayed, with_golden
from quick_build import load_kernels, quick_build
from slices import slow_except

from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.export.own_operators.oscillators import Oscillators
from edgekit.export.own_operators.selective import SelectiveSSM
from edgekit.export.own_operators.ssm import DiagonalSSM
from edgekit.export.stream.convert import stream
from edgekit.export.stream.sources import torch_offline
from edgekit.graph.model import Model
from edgekit.operators.oracle import Oracle
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.recipe import RECIPES

LAYERS = {
    "s4": lambda: DiagonalSSM(8, 6),
    "s5": lambda: DiagonalSSM(8, 16, mixing=True, init="legs", per_state_step=True),
    "mamba": lambda: SelectiveSSM(8, 4),
}


class Net(torch.nn.Module):
    """A state-space layer between two layers of integers."""

    def __init__(self, layer: torch.nn.Module) -> None:
        super().__init__()
        self.first, self.layer = torch.nn.Conv1d(4, 8, 1), layer
        self.last = torch.nn.Conv1d(8, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(torch.tanh(self.layer(self.first(x))))  # type: ignore[no-any-return]


def made(name: str) -> tuple[torch.nn.Module, tuple[torch.Tensor, ...]]:
    torch.manual_seed(0)
    return Net(LAYERS[name]()), (torch.randn(1, 4, 60),)


def s4() -> Any:
    return made("s4")


def s5() -> Any:
    return made("s5")


def mamba() -> Any:
    return made("mamba")


@cache
def streamed(name: str) -> Model:
    """The network of a layer, streamed."""
    return stream(torch_offline(f"{__name__}:{name}", name=name, time_axes={"x": 2}), hop=2)


def rounded(model: Model, recipe: str, states: str) -> Model:
    calibration = Calibration((noise(model, 300, seed=1),), "noise")
    return quantize(model, calibration, replace(RECIPES[recipe], states=states))


def stored(model: Model) -> dict[str, str]:
    """The types of the states as the integer graph has them."""
    return {name: str(array.dtype) for name, array in Oracle(model).states.items()}


@pytest.mark.slow
@pytest.mark.parametrize("name", LAYERS)
def test_states_in_16_bits_cost_little(name: str) -> None:
    model = streamed(name)
    inputs = noise(model, 600)
    (exact,) = run_hops(model, inputs).values()
    ratios = {}
    for states in ("float32", "int16"):
        quantized = rounded(model, "w8a16", states)
        assert set(stored(quantized).values()) == {states}
        assert Model.from_bytes(quantized.to_bytes()).states == quantized.states
        (found,) = Oracle(quantized).run_hops(inputs).values()
        ratios[states] = snr_db(exact, found)
    assert ratios["int16"] > ratios["float32"] - 3
    assert ratios["int16"] > 35


@needs_cc
@pytest.mark.parametrize("name", slow_except(lambda name: name == "s5", LAYERS))
def test_c_has_the_oracle_s_bits_and_half_the_state(name: str) -> None:
    load_kernels()
    wide, narrow = (quick_build(rounded(streamed(name), "w8a8", s)) for s in ("float32", "int16"))
    quantized = rounded(streamed(name), "w8a8", "int16")
    inputs = noise(quantized, 50)
    (found,) = narrow.run(inputs).values()
    (expected,) = Oracle(quantized).run_hops(inputs).values()
    np.testing.assert_array_equal(found, expected)
    before, after = (s.manifest.memory["state_bytes"] or 0 for s in (wide, narrow))
    assert after <= max(before // 2 + 64, 64)


@pytest.mark.slow
@needs_cc
@on_devices("cortex-m55")
def test_a_microcontroller_has_the_oracle_s_bits(target: str, tmp_path: Path) -> None:
    model = rounded(streamed("s5"), "w8a8", "int16")
    build = lowered(model, tmp_path, target)
    inputs = noise(model, 12)
    with_golden(build, model, tmp_path, target, inputs, Oracle(model).run_hops(inputs))
    assert replayed(tmp_path, target)[-1] == "PASS"


class Tone(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.bank = Oscillators(16_000)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.bank(400 + x[:, :1], x[:, 1:])  # type: ignore[no-any-return]


def tone() -> tuple[torch.nn.Module, tuple[torch.Tensor, ...]]:
    return Tone(), (torch.randn(1, 3, 60),)


@pytest.mark.slow
def test_what_counts_is_not_rounded() -> None:
    model = stream(torch_offline(f"{__name__}:tone", name="tone", time_axes={"x": 2}))
    assert set(stored(rounded(model, "w8a8", "int16")).values()) == {"float32"}
