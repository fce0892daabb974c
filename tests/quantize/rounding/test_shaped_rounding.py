"""Weights that are fitted in one run of the float network."""

from dataclasses import replace

import numpy as np
import pytest
from builds import float_model
from rounding_networks import calibration, correlated

from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.quantize.apply import fit, observe_model, quantize_observed
from edgekit.quantize.recipe import RECIPES, SHAPED
from edgekit.quantize.rounding import shaped_rounding


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
