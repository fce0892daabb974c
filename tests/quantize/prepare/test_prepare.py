"""Networks that read logarithms, powers and quotients of a spectrum keep their integers in quiet sound."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from slices import slow_except
from torch import Tensor, nn

from edgekit.export.frontend.spec import parse_spec
from edgekit.export.hop_runner import HopRunner, snr_db
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.prepare.levels import degrees
from edgekit.quantize.recipe import RECIPES
from edgekit.verbs.export.importing import ImportOptions, load_model

BINS, HOP, HOPS = 33, 32, 120
LEAST_DB = 25.0


class Mask(nn.Module):
    """Features of a spectrum (1, bins, 2), a recurrent layer, and a mask on the spectrum."""

    def __init__(self, kind: str, gain: float) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.kind = kind
        self.into, self.gru, self.out = nn.Linear(BINS, 16), nn.GRU(16, 16), nn.Linear(16, BINS)
        apart = torch.arange(BINS)[:, None] - torch.arange(BINS)
        self.register_buffer("bank", torch.exp(-(apart**2) / 4.0))
        with torch.no_grad():
            self.into.weight *= gain
            self.gru.weight_ih_l0 *= 3
            self.out.weight *= 6

    def features(self, power: Tensor, mean: Tensor) -> tuple[Tensor, Tensor]:
        bands = power @ self.bank
        if self.kind == "log10":
            return torch.log10(power.sqrt().clamp(1e-12)), mean
        if self.kind == "log":
            return torch.log(bands + 1e-10), mean
        if self.kind == "log1p":
            return torch.log1p(1e5 * (power + 1e-12).sqrt()), mean
        if self.kind == "power":
            return (power + 1e-12) ** 0.15, mean
        if self.kind == "pcen":  # Wang et al., 2017, equation 1
            mean = 0.96 * mean + 0.04 * bands
            return (bands / (mean + 1e-9) ** 0.9 + 2.0) ** 0.5 - 2**0.5, mean
        mean = 0.98 * mean + 0.02 * (power + 1e-14).sqrt()
        return (power + 1e-14).sqrt() / (mean + 1e-7) - 1, mean

    def forward(self, x: Tensor, mean: Tensor, h: Tensor) -> dict[str, Tensor]:
        features, mean = self.features(x[..., 0] ** 2 + x[..., 1] ** 2, mean)
        y, h = self.gru(torch.relu(self.into(features))[None], h)
        mask = torch.sigmoid(self.out(y[0]))
        return {"y": x * mask[..., None], "mean_next": mean + 0.0, "h_next": h}


def network(kind: str, gain: float) -> tuple[nn.Module, tuple[Tensor, ...]]:
    states = torch.zeros(1, BINS), torch.zeros(1, 1, 16)
    return Mask(kind, gain).eval(), (torch.rand(1, BINS, 2), *states)


log10, log, log1p = (
    partial(network, "log10", 0.5),
    partial(network, "log", 0.2),
    partial(network, "log1p", 1.0),
)
power, pcen, mean = (partial(network, kind, 1.5) for kind in ("power", "pcen", "mean"))
KINDS = ("log10", "log", "log1p", "power", "pcen", "mean")


def sound(seed: int) -> np.ndarray:
    """Syllables in quiet noise, (hops, 1, samples)."""
    random = np.random.default_rng(seed)
    count = HOPS * HOP
    syllables = np.convolve(random.random(count) < 1 / 500, np.hanning(1500), "same")
    loud = np.minimum(syllables, 1) * random.standard_normal(count)
    whole = np.convolve(loud, [1, -0.9, 0.3], "same") + 0.01 * random.standard_normal(count)
    return (0.1 * whole / np.sqrt(np.mean(whole**2))).astype(np.float32).reshape(HOPS, 1, HOP)


@pytest.mark.rows(1)
@pytest.mark.parametrize("kind", slow_except(lambda kind: kind in ("log", "mean"), KINDS))
def test_quiet_sound_keeps_what_loud_sound_keeps(kind: str) -> None:
    frontend = parse_spec(f"stft:{2 * HOP}:{HOP}:sqrt_hann")
    options = ImportOptions(sample_rate=16000, frontend=frontend)
    model = load_model(f"{__name__}:{kind}", options).model
    recipe = replace(RECIPES["w8a8"], equalize=False, quiet_copies=False)
    calibration = Calibration(tuple({"pcm": sound(seed)} for seed in range(3)), "x")
    exact, built = HopRunner(model), HopRunner(quantize(model, calibration, recipe))
    for level in (0, -20, -30, -40):
        clip = {"pcm": sound(9) * np.float32(10 ** (level / 20))}
        assert snr_db(exact(clip)["pcm_out"], built(clip)["pcm_out"]) > LEAST_DB, level


def test_a_running_mean_follows_the_level_and_a_hidden_state_does_not() -> None:
    options = ImportOptions(sample_rate=16000, frontend=parse_spec("stft:64:32:sqrt_hann"))
    for kind, degree in (("pcen", 2.0), ("mean", 1.0)):
        found = {
            str(v.name): d
            for v, d in degrees(load_model(f"{__name__}:{kind}", options).model).items()
        }
        assert found["mean"] == degree and "h" not in found
