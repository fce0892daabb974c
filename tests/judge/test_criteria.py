"""What a search for types is judged by where no sound goes in: hop by hop, by what suits the others least."""

import numpy as np
import pytest
from builds import float_model, noise
from level_networks import network, sound

from edgekit.demos.show_denoise import NETWORK, OPTIONS
from edgekit.export.hop_runner import HopRunner
from edgekit.judge import criteria
from edgekit.judge.levels import sound_inputs
from edgekit.judge.measurement import QUIETEST_HOP, Reference
from edgekit.quantize.apply import observe_model, quantize_observed
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.recipe import RECIPES
from edgekit.verbs.export.importing import load_model


def test_a_quiet_hop_counts_like_a_loud_one() -> None:
    model = float_model("tcn")
    hops = Reference(model, [noise(model, 4)], each_hop=True)
    ((name, exact),) = hops.outputs[0].items()
    exact[0] /= 5
    powers = np.square(exact, dtype=np.float64).reshape(4, -1).mean(axis=1)
    wanted = float(np.mean(0.01**2 / powers))
    assert powers.min() > QUIETEST_HOP * powers.max() and wanted > 2 * 0.01**2 / powers.mean()
    assert hops.noise(0, {name: exact + np.float32(0.01)})[name] == pytest.approx(wanted, rel=1e-3)


@pytest.mark.parametrize("loud", range(criteria.JUDGES))
def test_the_third_that_is_unlike_the_others_judges(loud: int) -> None:
    model = float_model("tcn")
    clips = [dict(noise(model, 40, seed=seed)) for seed in range(6)]
    for clip in clips[loud :: criteria.JUDGES]:
        clip.update({name: 20 * array for name, array in clip.items()})
    calibration = Calibration(tuple(clips), "x")
    judged = criteria.TypeCriteria(model, calibration, None, None)
    assert judged.in_parts and judged.places == (loud, loud + criteria.JUDGES)
    (name,) = (str(value.name) for value in model.stream_inputs)
    np.testing.assert_array_equal(judged.reference.clips[0][name], clips[loud][name])


def test_without_a_ratio_to_reach_all_levels_count_alike_and_tensors_are_ranked_by_each() -> None:
    model = load_model(str(NETWORK), OPTIONS).model
    clips = tuple(noise(model, 40, seed=seed) for seed in range(6))
    free, asked = (
        criteria.TypeCriteria(model, Calibration(clips, "x"), ratio, None) for ratio in (None, 30.0)
    )
    assert set(free.reference.allowances) == {1.0} and max(asked.reference.allowances) == 10
    assert (free.least, asked.least) == (criteria.LEAST_LEVELS_DB, 30.0)
    # two clips, four levels and one over the other: of each form one, the first and the second in turn
    assert list(free.reference.some) == [0, 3, 4, 7, 8]
    plain = criteria.TypeCriteria(
        float_model("tcn"), Calibration((noise(float_model("tcn"), 40),), "x"), None, None
    )
    assert plain.least == criteria.LEAST_SNR_DB


def test_drift_of_a_candidate_is_that_of_its_integers_after_all_waits() -> None:
    model, recipe = network(1, biases=True), RECIPES["w8a16"]
    calibration = Calibration(tuple({"pcm": sound(40, seed)} for seed in range(4)), "x")
    judged = criteria.TypeCriteria(model, calibration, None, None)
    assert len(judged.waits.clips) == 5
    seen = observe_model(model, calibration, recipe, sound_inputs(model, calibration).parts)
    held = judged.held(seen)
    found = judged.measured(seen, held, recipe)
    report = judged.waits.report(HopRunner(quantize_observed(held, recipe, "x")))
    assert report is not None and report.worst[0] > 0
    assert found.drift_db == pytest.approx(report.worst[0], rel=0.05, abs=0.01)
