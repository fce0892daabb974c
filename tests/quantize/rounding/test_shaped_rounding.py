"""Weights that are fitted in one run of the float network."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
from builds import float_model
from level_networks import HOP, RATE
from onnx import numpy_helper
from rounding_networks import calibration, correlated

from edgekit.export.from_onnx import from_onnx
from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.graph.model import Model
from edgekit.quantize.apply import (
    ObservedModel,
    close_rounding,
    fit,
    observe_model,
    quantize_observed,
)
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.recipe import MEASURED, NEAREST, RECIPES, SHAPED
from edgekit.quantize.rounding import shaped_rounding

CALM = f"""
<ir_version: 10, opset_import: ["" : 21]>
calm (float[1,{HOP}] pcm, float[1,{HOP}] held) => (float[1,{HOP}] y, float[1,{HOP}] held_next)
<float pole = {{0.99}}, float steep = {{-3}}>
{{
  size = Abs(pcm)
  below = Mul(size, steep)
  calm = Exp(below)
  mixed = Gemm(calm, weight, bias)
  kept = Mul(held, pole)
  held_next = Add(kept, mixed)
  y = Mul(pcm, held_next)
}}
"""


def slow_network() -> Model:
    """A slow state adds up what a layer makes of ones in silence, and of less in sound."""
    proto, random = onnx.parser.parse_model(CALM), np.random.default_rng(0)
    arrays = {"weight": random.standard_normal((HOP, HOP)), "bias": random.standard_normal(HOP)}
    proto.graph.initializer.extend(
        numpy_helper.from_array(array.astype(np.float32), name) for name, array in arrays.items()
    )
    model = from_onnx(proto.SerializeToString(), name="calm", states=[("held", "held_next")])
    return model.describe(stream={"hop_samples": HOP, "sample_rate_hz": RATE})


@pytest.mark.parametrize("name", ["conv_recurrent", "gru_mask"])
def test_one_run_of_the_float_network_fits_eight_bits(name: str) -> None:
    """With all else in 16 bits, on a clip that weights were not fitted to; layers of one run do not change that."""
    model = float_model(name)
    inputs = correlated(model, 9)
    (exact,) = run_hops(model, inputs).values()
    recipe = replace(RECIPES["w8a16"], name="r", hop_scales=False)
    seen, found = observe_model(model, calibration(model), recipe), {}
    for rounding in ("nearest", SHAPED):
        made = quantize_observed(seen, replace(recipe, rounding=rounding), "")
        (output,) = run_hops(made, inputs).values()
        found[rounding] = snr_db(exact, output)
    assert found[SHAPED] > found["nearest"] + 3.0


def test_layers_are_fitted_in_several_runs_once_and_those_of_many_inputs_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = float_model("gru_mask")
    recipe = replace(RECIPES["w8a16"], name="r", rounding=SHAPED, hop_scales=False)
    seen = observe_model(model, calibration(model), recipe)
    whole = fit(seen, recipe)
    assert all(fit(seen, recipe)[key] is one for key, one in whole.items())
    monkeypatch.setattr(shaped_rounding, "MOST_MOMENTS", 1)
    again = fit(replace(seen, fits={}), recipe)
    assert again.keys() == whole.keys()
    assert all(np.array_equal(again[key].q, one.q) for key, one in whole.items())
    monkeypatch.setattr(shaped_rounding, "MOST_INPUTS", 1)
    plain = fit(replace(seen, fits={}), replace(recipe, bias_correction=False))
    assert not plain


def test_weights_of_slow_networks_are_right_in_silence_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their layers' results after silence are several times as near, and in sound hardly less near."""
    model, random = slow_network(), np.random.default_rng(1)
    sound = (0.2 + 0.3 * random.random((120, 1, HOP))).astype(np.float32)
    recipe = RECIPES["w8a16"]
    seen = observe_model(model, Calibration(({"pcm": sound},), "sound"), recipe)
    assert recipe.rounding == MEASURED and close_rounding(recipe, seen).rounding == SHAPED

    def errors(recipe_rounding: str) -> list[float]:
        own = replace(recipe, name="r", rounding=recipe_rounding)
        made = quantize_observed(replace(seen, fits={}), own, "")
        clips = [{"pcm": array} for array in (np.zeros_like(sound[:40]), sound)]
        pairs = [[run_hops(m, c, tap=["mixed"])["mixed"] for m in (model, made)] for c in clips]
        return [float(np.sqrt(np.mean(np.square(b - a)))) for a, b in pairs]

    both, nearest = errors(MEASURED), errors(NEAREST)
    monkeypatch.setattr(ObservedModel, "is_slow", False)
    assert close_rounding(recipe, seen).rounding == NEAREST
    alone = errors(SHAPED)
    assert both[0] < 0.2 * nearest[0] and both[0] < 0.5 * alone[0]
    assert both[1] < 1.2 * min(nearest[1], alone[1])
