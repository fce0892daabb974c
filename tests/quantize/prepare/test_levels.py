"""Behind a logarithm quiet sound is elsewhere than loud sound: ranges are those of both."""

from dataclasses import replace

import numpy as np
import pytest
from level_networks import level_divided, log_power, mask_in_ring, network, sound

from edgekit.export.hop_runner import HopRunner, snr_db
from edgekit.graph.model import Model
from edgekit.quantize.apply import fit, observe_model, quantize
from edgekit.quantize.calibrate.clips import Calibration, observe
from edgekit.quantize.calibrate.held_out import Parts
from edgekit.quantize.prepare.levels import QUIETER, Quieter, degrees, quieter
from edgekit.quantize.recipe import RECIPES, SHAPED

W8A8, HOPS = RECIPES["w8a8"], 40
CLIPS = tuple({"pcm": sound(HOPS, seed)} for seed in range(4))


@pytest.mark.parametrize("level", [1.0, 0.1, QUIETER])
def test_integers_behind_a_logarithm_keep_quiet_sound(level: float) -> None:
    model, heard = log_power(), {"pcm": sound(HOPS, 9, level)}
    exact = HopRunner(model)(heard)["y"]
    assert snr_db(exact, HopRunner(quantize(model, Calibration(CLIPS, "x"), W8A8))(heard)["y"]) > 30


@pytest.mark.rows(6)
@pytest.mark.parametrize("level", [1.0, 0.1, 0.01, 1e-3])
@pytest.mark.parametrize(
    "model",
    [level_divided(), level_divided(sums=True), level_divided(ring=True), mask_in_ring()],
    ids=["running level", "level of all hops", "level before a state", "mask before a state"],
)
def test_integers_of_divided_levels_and_masks_keep_quiet_sound(model: Model, level: float) -> None:
    heard = {"pcm": sound(HOPS, 9, level)}
    exact = HopRunner(model)(heard)["y"]
    assert snr_db(exact, HopRunner(quantize(model, Calibration(CLIPS, "x"), W8A8))(heard)["y"]) > 28


def test_a_quotient_of_two_levels_does_not_follow_the_level() -> None:
    model = level_divided(ring=True)
    found = {value.name: degree for value, degree in degrees(model).items()}
    assert found["mean"] == found["held"] == 2 and "shape" not in found
    assert found["y"] == found["before"] == 1


@pytest.mark.parametrize("guard", ["Max", "Clip", "Add"])
def test_quieter_sound_is_seen_behind_what_guards_a_logarithm(guard: str) -> None:
    copy = quieter(log_power(guard=guard))
    assert copy is not None and copy.name == "pcm" and copy.burst_samples == 4000


def test_ranges_behind_a_logarithm_reach_to_full_scale() -> None:
    model, quiet = log_power(), tuple({"pcm": sound(HOPS, seed, 0.05)} for seed in range(4))
    noise = np.random.default_rng(5).uniform(-1, 1, quiet[0]["pcm"].shape)
    burst = observe(model, Calibration(({"pcm": noise.astype(np.float32)},), "x"))
    found = observe_model(model, Calibration(quiet, "x"), W8A8).observers
    assert found["pcm"].maximum > 0.95
    assert found["seen"].maximum > burst["seen"].maximum - 0.2


def test_a_quieter_copy_begins_with_a_burst_and_leaves_its_clip_alone() -> None:
    sound_of = np.full((8, 1, 64), 0.5, np.float32)
    copy = Quieter("pcm", 4000)({"pcm": sound_of, "voice": np.ones(3)})
    assert 0.9 < np.abs(copy["pcm"][:2]).max() <= 1
    assert np.all(copy["pcm"][2:] == np.float32(0.5 * QUIETER)) and np.all(sound_of == 0.5)
    assert np.all(copy["voice"] == 1)


@pytest.mark.parametrize("shape", [(3, 1, 1000), (3, 1000, 1), (1, 1, 3000)])
def test_a_burst_ends_inside_of_a_long_hop(shape: tuple[int, ...]) -> None:
    copy = Quieter("pcm", 250)({"pcm": np.full(shape, 0.5, np.float32)})["pcm"]
    assert copy.shape == shape
    assert np.array_equal(np.ravel(copy)[250:], np.full(2750, 0.5 * QUIETER, np.float32))
    assert 0.9 < np.abs(np.ravel(copy)[:250]).max() <= 1
    assert np.count_nonzero(copy == np.float32(0.5 * QUIETER)) == 2750


@pytest.mark.parametrize("gains", [[0.02, 0.02, 0.02, 0.2], [0.02]])
def test_bursts_say_nothing_of_what_a_clip_that_is_left_out_shows(gains: list[float]) -> None:
    model = log_power()
    clips = [{"pcm": sound(4 * HOPS, seed, gain)} for seed, gain in enumerate(gains)]
    found, observed = (Parts([4 * HOPS] * len(clips)) for _ in range(2))
    observe(model, Calibration(tuple(clips), "x"), found, quieter(model))
    observe(model, Calibration(tuple(clips), "x"), observed)
    assert found.beyond(3) == observed.beyond(3)
    assert (found.beyond(3) > 0.05) == (len(clips) > 1)


def test_quieter_sound_is_only_seen_where_it_shows_something() -> None:
    assert quieter(log_power("Sqrt")) is None
    assert quieter(log_power("Sqrt"), asked=True) == Quieter("pcm")
    assert quieter(network(0, biases=True)) is None
    assert quieter(log_power().describe(stream={"hop_samples": None}), asked=True) is None


@pytest.mark.parametrize("asked", [True, False])
def test_a_recipe_asks_for_quieter_copies(asked: bool) -> None:
    recipe = replace(W8A8, quiet_copies=asked)
    seen = observe_model(network(0, biases=True), Calibration(CLIPS, "x"), recipe)
    assert seen.observers["pcm"].hops == (2 if asked else 1) * len(CLIPS) * HOPS


def test_weights_are_fitted_to_quieter_copies_too() -> None:
    model, recipe = network(0, biases=True), replace(W8A8, quiet_copies=True, rounding=SHAPED)
    again = quieter(model, asked=True)
    assert again is not None
    seen = observe_model(model, Calibration(CLIPS, "x"), recipe)
    both = Calibration((*CLIPS, *map(again, CLIPS)), "x")
    once = replace(recipe, quiet_copies=False)
    found = fit(seen, recipe)
    expected = fit(replace(seen, calibration=both, fits={}), once)
    loud = fit(seen, once)
    assert found.keys() == expected.keys() == loud.keys()
    for key, one in found.items():
        np.testing.assert_array_equal(one.q, expected[key].q)
    assert any(not np.array_equal(one.q, loud[key].q) for key, one in found.items())


def test_a_clip_that_is_left_out_is_left_out_at_both_levels() -> None:
    model, parts = log_power(), Parts([HOPS] * 4)
    seen, kept = observe_model(model, Calibration(CLIPS, "x"), W8A8, parts), CLIPS[:3]
    expected = observe(seen.model, Calibration(kept, "x"), again=quieter(model))
    assert expected["seen"].hops == 2 * 3 * HOPS
    for name, observer in seen.without((3,)).observers.items():
        ends = expected[name].minimum, expected[name].maximum
        assert (observer.minimum, observer.maximum) == ends
        assert observer.hops == expected[name].hops
        assert np.allclose(observer.total, expected[name].total)
