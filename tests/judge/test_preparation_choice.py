"""Whether channels are equalized, and clips heard quieter, too, is measured where a recipe leaves it open."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import level_networks
import numpy as np
import pytest
from builds import float_model, noise
from level_networks import log_power, sound

from edgekit import api
from edgekit.export.hop_runner import HopRunner, snr_db
from edgekit.graph.model import Model
from edgekit.judge import preparation_choice
from edgekit.judge.preparation_choice import MOST_TRIED, RULES, choose_preparation
from edgekit.judge.preparation_criterion import Merit
from edgekit.quantize.apply import ObservedModel, quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.calibrate.sound_levels import at_common_level
from edgekit.quantize.prepare.channels import Channels
from edgekit.quantize.prepare.equalize import equalize
from edgekit.quantize.prepare.levels import QUIETER
from edgekit.quantize.prepare.scale_groups import FIXED
from edgekit.quantize.prepare.unpack import unpack_states
from edgekit.quantize.recipe import MEASURED, NEAREST, RECIPES, SHAPED, Recipe

W8A8 = replace(RECIPES["w8a8"], observer="mse", rounding=NEAREST)


def network(spread: float) -> Model:
    """A network of convolutions with equal channels, of which those that are free are scaled by up to `spread`."""
    model = equalize(unpack_states(float_model("tcn")))
    channels, scale = Channels(model), np.ones(Channels(model).count)
    written = np.unique(np.concatenate([channels.find(s.written).ravel() for s in channels.sites]))
    free = written[written > FIXED]
    scale[free] = spread ** np.random.default_rng(0).random(len(free))
    channels.scaled(model, scale)
    return model


def clips(model: Model, count: int, hops: int = 10) -> Calibration:
    return Calibration(tuple(noise(model, hops, seed=n) for n in range(count)), "noise")


@pytest.mark.rows(1)
@pytest.mark.parametrize("spread", [1000.0, 1.0])
def test_channels_are_equalized_where_that_is_measured_to_help(spread: float) -> None:
    model = network(spread)
    found = choose_preparation(model, clips(model, 4), W8A8, api.silent)
    assert found.recipe == replace(W8A8, equalize=spread > 1, quiet_copies=False)
    assert set(found.said) == {"equalized"}  # no sound goes in
    assert found.said["equalized"].startswith("equal" if spread > 1 else "channels as they are")
    assert set(found.seen.observers)  # of the network as the recipe prepares it


def test_nothing_is_measured_where_the_recipe_says_it_or_nothing_can_be_left_out() -> None:
    model = network(1000.0)
    for recipe, calibration, wanted in (
        (replace(W8A8, name="mine", equalize=True), clips(model, 4), True),
        (replace(W8A8, name="mine", equalize=False), clips(model, 4), False),
        (W8A8, clips(model, 1, 3), False),
    ):
        found = choose_preparation(model, calibration, recipe, api.silent)
        assert found.recipe.equalize is wanted and not found.said


def test_a_network_without_channels_to_scale_is_not_measured() -> None:
    model = unpack_states(float_model("raw"))
    found = choose_preparation(model, clips(model, 4), W8A8, api.silent)
    assert found.recipe.equalize is False and "equalized" not in found.said


def sounds(count: int = 4) -> Calibration:
    return Calibration(tuple({"pcm": sound(40, seed)} for seed in range(count)), "sound")


def test_clips_are_heard_quieter_where_that_is_measured_to_help() -> None:
    model, calibration = log_power("Reciprocal"), sounds()
    heard = {"pcm": sound(40, 9, QUIETER)}
    found = choose_preparation(model, calibration, replace(W8A8, equalize=False), api.silent)
    assert found.recipe == replace(W8A8, equalize=False, quiet_copies=True)
    assert set(found.said) == {"quiet_copies"}
    measured = (
        r"quieter copies, too: [\d., ]* dB at -\d\d, .* dBFS; clips as recorded: [\d., ]* dB; on"
    )
    assert re.match(measured, found.said["quiet_copies"])
    exact = HopRunner(model)(heard)["y"]
    quiet, loud = (
        snr_db(exact, HopRunner(quantize(model, calibration, recipe))(heard)["y"])
        for recipe in (replace(W8A8, quiet_copies=True), replace(W8A8, quiet_copies=False))
    )
    assert quiet > loud + 3


def test_quieter_copies_are_measured_only_where_something_is_open() -> None:
    for model, given, wanted in (
        (log_power("Reciprocal"), True, True),
        (log_power("Reciprocal"), False, False),
        (log_power(), MEASURED, True),  # behind a logarithm they are there in any case
    ):
        recipe = replace(W8A8, equalize=False, quiet_copies=given)
        found = choose_preparation(model, sounds(), recipe, api.silent)
        assert found.recipe.quiet_copies is wanted and not found.said


@pytest.mark.slow
@pytest.mark.parametrize("outlier", [1.0, 1e4])
def test_ranges_are_chosen_by_what_is_left_of_clips_that_are_left_out(outlier: float) -> None:
    model = network(1.0)
    (name,) = (str(value.name) for value in model.stream_inputs)
    given = list(clips(model, 4).clips)
    given[0] = {name: given[0][name].copy()}
    given[0][name].flat[0] *= outlier  # a single value that min-max leaves room for
    recipe = replace(W8A8, equalize=False, observer=MEASURED)
    found = choose_preparation(model, Calibration(tuple(given), "x"), recipe, api.silent)
    assert set(found.said) == {"ranges"} and found.recipe.observer != MEASURED
    assert all(f"{rule}: " in found.said["ranges"] for rule in RULES)
    assert (found.recipe.observer == "minmax") <= (outlier == 1)


@pytest.mark.parametrize(
    ("losses", "observer"),
    [
        ((2.55, 2.41, 2.65), "percentile"),
        ((2.55, 2.41, 2.40), "minmax"),
        ((0.08, 0.01, 0.02), "mse"),
        ((2.55, 2.48, 2.50), "mse"),
    ],
    ids=["less", "least", "all lose little", "hardly less"],
)
def test_a_form_replaces_the_first_one_if_the_difference_is_noticed(
    losses: tuple[float, ...], observer: str
) -> None:
    rules = ("mse", "percentile", "minmax")

    def merit(recipe: Recipe) -> Merit:
        return Merit((20.0,), losses[rules.index(recipe.observer)])

    criterion: Any = SimpleNamespace(merit=merit, levels_text="")
    choice = preparation_choice.Choice("ranges", {rule: {"observer": rule} for rule in rules})
    found = preparation_choice.screen(criterion, W8A8, [choice], api.silent)
    assert found.recipes[0].observer == observer


@pytest.mark.slow
def test_a_clip_that_is_nearly_silent_and_clips_at_mixed_levels_choose_as_one_level() -> None:
    model = level_networks.network(1, biases=True)
    recipe, loud = RECIPES["w8a8"], [sound(40, seed, 0.1) for seed in range(6)]
    gains = (1.0, 0.03, 0.5, 0.05, 0.1, 0.8)
    mixed = [np.float32(gain) * clip for gain, clip in zip(gains, loud, strict=True)]
    silent = {"pcm": np.float32(1e-4) * loud[0]}
    one, many = (
        choose_preparation(
            model, at_common_level(model, Calibration(clips, "x")), recipe, api.silent
        )
        for clips in (tuple({"pcm": c} for c in loud), tuple({"pcm": c} for c in mixed))
    )
    assert one.recipe == many.recipe
    for name, observer in one.seen.observers.items():
        assert many.seen.observers[name].range("minmax") == pytest.approx(
            observer.range("minmax"), rel=1e-3, abs=1e-4
        )
    given = (*({"pcm": clip} for clip in mixed), silent)
    with_silence = at_common_level(model, Calibration(given, "x"))
    assert np.array_equal(with_silence.clips[-1]["pcm"], silent["pcm"])
    assert choose_preparation(model, with_silence, recipe, api.silent).recipe == one.recipe


@pytest.mark.rows(1)
@pytest.mark.parametrize(
    ("drifts", "place", "count"),
    [((0.1,), 0, 1), ((2.0, 0.3), 1, 2), ((2.0, 1.0, 3.0, 4.0), 1, MOST_TRIED)],
)
def test_what_drifts_after_waits_is_not_taken_unless_all_do(
    monkeypatch: pytest.MonkeyPatch, drifts: tuple[float, ...], place: int, count: int
) -> None:
    tried = list[HopRunner]()

    class Waits:
        def __init__(self, *given: object) -> None: ...

        def report_of(self, quantized: Model, quick: bool, most: float) -> SimpleNamespace:
            tried.append(HopRunner(quantized))
            return SimpleNamespace(worst=(drifts[len(tried) - 1], "silence"))

    model = network(1000.0)
    recipe = replace(W8A8, observer=MEASURED)
    monkeypatch.setattr(preparation_choice, "WaitCriterion", Waits)
    found = choose_preparation(model, clips(model, 4), recipe, api.silent)
    assert len(tried) == count
    said = " ".join(found.said.values())
    assert ("as it drifts less after waits" in said) == (place > 0)
    taken = HopRunner(quantize(model, clips(model, 4), found.recipe))
    hops = noise(model, 10, seed=9)
    (name,) = model.measured_outputs
    assert np.array_equal(taken(hops)[name], tried[place](hops)[name])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("slow", "drifts", "rounding"),
    [(True, (0.1,), SHAPED), (True, (2.0, 0.3), NEAREST), (False, (0.1,), NEAREST)],
)
def test_a_slow_network_has_fitted_weights_unless_the_nearest_are_steadier(
    monkeypatch: pytest.MonkeyPatch, slow: bool, drifts: tuple[float, ...], rounding: str
) -> None:
    left = iter(drifts)

    class Waits:
        def __init__(self, *given: object) -> None: ...

        def report_of(self, quantized: Model, quick: bool, most: float) -> SimpleNamespace:
            return SimpleNamespace(worst=(next(left), "silence"))

    model, recipe = network(1.0), replace(W8A8, rounding=MEASURED)
    monkeypatch.setattr(ObservedModel, "is_slow", slow)
    monkeypatch.setattr(preparation_choice, "WaitCriterion", Waits)
    assert choose_preparation(model, clips(model, 4), recipe, api.silent).recipe == replace(
        W8A8, equalize=False, quiet_copies=False, rounding=rounding
    )
    alone = choose_preparation(model, clips(model, 1, 1), recipe, api.silent).recipe
    assert alone.rounding == (SHAPED if slow else NEAREST)


def two_sounds() -> Iterator[Mapping[str, np.ndarray]]:
    """Clips for `log_power`."""
    yield from sounds(2).clips


def test_an_export_says_what_was_measured_and_its_recipe_settles_it(tmp_path: Path) -> None:
    log_power("Reciprocal").save(tmp_path / "x.onnx")
    given, source = str(tmp_path / "x.onnx"), f"{__name__}:two_sounds"
    manifest = api.export(
        given, "onnxruntime", tmp_path / "a", recipe="w8a8", calibration=source
    ).manifest
    said = manifest.quantization["quiet_copies"]
    assert said.startswith("quieter copies, too: ")
    assert (
        f"<td>calibration clips</td><td class=long>{said}</td>"
        in (tmp_path / "a/report.html").read_text()
    )
    recipe = tmp_path / "a" / "recipe.toml"
    assert "quiet_copies = true\n" in recipe.read_text()
    again = api.export(
        given, "onnxruntime", tmp_path / "b", recipe=str(recipe), calibration=source
    ).manifest
    assert "quiet_copies" not in again.quantization
    models = [(tmp_path / build / "model.onnx").read_bytes() for build in "ab"]
    assert models[0] == models[1]
