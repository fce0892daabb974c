"""The means of channels survive rounding to the nearest."""

from dataclasses import replace

import numpy as np
import pytest
from builds import float_model
from rounding_networks import correlated

from edgekit.export.hop_runner import run_hops
from edgekit.quantize.apply import fit, observe_model, quantize_observed
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.recipe import RECIPES


@pytest.mark.parametrize("name", ["conv_recurrent", "tcn"])
def test_rounding_to_the_nearest_keeps_the_mean_of_every_channel(name: str) -> None:
    model = float_model(name)
    inputs = correlated(model, 1)
    recipe = replace(RECIPES["w8a16"], name="narrow", weights="int4", hop_scales=False)
    seen = observe_model(model, Calibration((inputs,), "noise"), recipe)
    first = next(n for n in seen.model.ir.graph if n.op_type == "Conv" and len(n.inputs) > 2)
    tap, off = str(first.outputs[0].name), []
    exact = run_hops(seen.model, inputs, [tap])[tap]
    assert (str(first.name), 1) in fit(seen, recipe)
    for correct in (False, True):
        made = quantize_observed(seen, replace(recipe, bias_correction=correct), "")
        found = run_hops(made, inputs, [tap])[tap]
        off.append(np.abs(np.mean(found - exact, axis=(0, 1, *range(3, exact.ndim)))).max())
    assert off[1] < 0.1 * off[0]
