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


@pytest.mark.rows(1)
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


@pytest.mark.parametrize(("hops", "places", "each"), [(200, 3, 50), (10, 6, 10)])
def test_of_many_long_clips_few_judge_for_as_long_as_those_of_few(
    hops: int, places: int, each: int
) -> None:
    model = network(1, biases=True)
    clips = tuple({"pcm": sound(hops, seed)} for seed in range(20))
    calibration = Calibration(clips, "x")
    found, judged, _ = criteria.judges(model, calibration, sound_inputs(model, calibration))
    assert len(found) == places and {len(clip["pcm"]) for clip in judged} == {each}
    assert set(found) <= set(range(2, 20, criteria.JUDGES))


@pytest.mark.parametrize(
    ("asked_db", "verified_db", "wanted_db"),
    [(None, 25.0, 30.0), (None, 15.0, 15.0), (30.0, 25.0, 25.0)],
)
def test_the_clip_that_verifies_an_export_outvotes_all_forms_only_where_an_snr_is_asked_for(
    asked_db: float | None, verified_db: float, wanted_db: float
) -> None:
    model = network(1, biases=True)
    calibration = Calibration(tuple({"pcm": sound(40, seed)} for seed in range(4)), "x")
    judged = criteria.TypeCriteria(model, calibration, asked_db, None)
    (name,) = model.measured_outputs
    ratios = [30.0] * judged.count + [verified_db]
    found: list[criteria.Judgement] = [({name: 10 ** (-db / 10)}, 0.0, None) for db in ratios]
    assert judged._reached(model, found) == pytest.approx(wanted_db)


@pytest.mark.slow
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
