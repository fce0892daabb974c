"""A network with selectable grids computes what the quantized one does."""

from dataclasses import replace

import numpy as np
import pytest
from builds import float_model, noise
from c_kernels import needs_cc

from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.operators.oracle import Oracle
from edgekit.quantize.apply import observe_model, quantize_observed
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.recipe import AUTO
from edgekit.quantize.search.selectable import GRIDS
from edgekit.quantize.search.space import make_space
from edgekit.targets.trials import Trials


@pytest.mark.rows(1)
@needs_cc
@pytest.mark.parametrize("name", ["gru_mask", "tcn", "lstm_vad"])
def test_a_selectable_network_is_the_quantized_one_and_with_no_grids_the_float_one(
    name: str,
) -> None:
    model = float_model(name)
    inputs = noise(model, 60, seed=3)
    seen = observe_model(model, Calibration((noise(model, 60),), "x"), AUTO)
    space = make_space(seen, AUTO, {})
    assert str(space.model.stream_inputs[-1].name) == GRIDS
    exact = space.table({i: len(g.options) - 1 for i, g in enumerate(space.groups)})
    (key,) = run_hops(model, inputs)
    runs = Trials(space.model, [inputs]).run(lambda _, found: found[key], [space.default, exact])
    (integers,), (floats,) = runs
    quantized = Oracle(quantize_observed(seen, replace(AUTO, name="x"), "")).run_hops(inputs)[key]
    reference = run_hops(model, inputs)[key]
    loss_db, predicted_db = snr_db(reference, quantized), snr_db(reference, integers)
    assert abs(loss_db - predicted_db) < 3
    assert snr_db(reference, floats) > loss_db - 1
    numpy = Oracle(space.model).run_hops({**inputs, GRIDS: np.stack([space.default] * 60)})[key]
    assert snr_db(numpy, integers) > 60
