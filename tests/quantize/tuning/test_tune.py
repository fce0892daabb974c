"""Weights that are trained against the integers: what torch computes, and what a training gives."""

from pathlib import Path

import numpy as np
import pytest
import tiny_networks
from builds import float_model, noise
from tuning_networks import NARROW, between_layers, calibration, step

from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.graph.model import Model
from edgekit.operators.pointwise.functions import POINTWISE
from edgekit.quantize.apply import observe_model, quantize
from edgekit.quantize.tuning.integer_forward import SCALE
from edgekit.quantize.tuning.tune import Progress, WeightTuner, with_weights
from edgekit.verbs.export.importing import ImportOptions, load_model


@pytest.mark.slow
def test_a_training_makes_up_for_rounding_and_goes_on_where_it_was_cut_off() -> None:
    model = float_model("gru_mask")
    known, held = calibration(model), noise(model, 24, seed=7)
    exact = run_hops(model, held)

    def ratio(network: Model) -> float:
        found = run_hops(quantize(network, known, NARROW), held)
        return min(snr_db(exact[name], found[name]) for name in exact)

    tuning = WeightTuner(observe_model(model, known, NARROW), NARROW, 24, 3)
    steps = list(tuning.run(tuning.start()))
    assert [done.step for done in steps] == list(range(1, 25))
    cut = {name: np.array(array) for name, array in steps[9].arrays().items()}
    names = [x for x, _ in tuning.forward.states]
    again = list(tuning.run(Progress.read(cut, list(tuning.forward.values), names)))[-1]
    for key, value in steps[-1].values.items():
        np.testing.assert_array_equal(again.values[key], value)
    assert again.losses == steps[-1].losses
    tuned, taken = with_weights(model, tuning.seen.model, again.values)
    assert taken == sum(index != SCALE for _, index in tuning.forward.values)
    assert ratio(tuned) > ratio(model) + 1


def test_a_step_whose_gradient_is_not_finite_is_counted_and_changes_no_weight(
    tmp_path: Path,
) -> None:
    model = load_model(str(tiny_networks.recurrent(tmp_path / "t.onnx")), ImportOptions()).model
    tuning = WeightTuner(observe_model(model, calibration(model, 8, 48), NARROW), NARROW, 6, 4)
    tuning.clips[0].wanted[tuning.forward.ends[0]][-1] = np.inf
    before = tuning.start()
    for done in tuning.run(before):
        heard_of_it = [0, 32] in before.places.T.tolist()  # a stretch to the end of the first clip
        assert done.skipped == before.skipped + heard_of_it
        for key, value in done.values.items():
            assert np.isfinite(value).all()
            assert np.array_equal(value, before.values[key]) is heard_of_it
        before = done
    assert 0 < before.skipped < 6


@pytest.mark.rows(10)
@pytest.mark.parametrize("operator", sorted(POINTWISE.keys() - {"Acosh", "Identity"}))
def test_a_training_goes_through_every_function_of_one_value(operator: str, tmp_path: Path) -> None:
    tuning, done = step(between_layers(operator, tmp_path))
    assert not tuning.forward.unknown and not done.skipped
    still = np.array_equal(done.values["first", 1], tuning.forward.values["first", 1])
    assert still is (operator in ("Ceil", "Floor", "Round", "Sign"))  # their gradient is 0
    assert not np.array_equal(done.values["last", 1], tuning.forward.values["last", 1])
