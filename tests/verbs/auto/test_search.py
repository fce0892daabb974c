"""``--recipe auto`` from end to end: the same twice, editable, resumable, and refused where it cannot be."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
from builds import float_model, noise
from c_kernels import needs_cc
from diffusion_networks import SAMPLER, tiny_model
from onnx import helper

from edgekit import api
from edgekit.base.errors import CheckFailed, UsageError, VerificationError
from edgekit.base.spread import HERE
from edgekit.cli.facts import manifest_rows
from edgekit.demos.show_denoise import NETWORK, OPTIONS
from edgekit.export.diffusion.description import attach
from edgekit.export.diffusion.fold_steps import fold_steps
from edgekit.export.hop_runner import run_hops
from edgekit.judge import candidates, criteria
from edgekit.judge.decisions import CLIP_SHAPE, Decisions, decisions_of, probabilities
from edgekit.judge.images import Images
from edgekit.judge.levels import HeldOutSound, sound_inputs
from edgekit.judge.limits import UNBOUNDED
from edgekit.judge.measurement import Meter
from edgekit.judge.metric import Metric
from edgekit.judge.sampling import own_trajectories
from edgekit.operators.geometry import dims
from edgekit.quantize.apply import observe_model, quantize_observed
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.recipe import AUTO, MEASURED, NEAREST, RECIPES, SHAPED, Recipe
from edgekit.quantize.recipe_file import read_recipe
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.targets.describe import describe
from edgekit.targets.macs import with_macs
from edgekit.targets.trials import NO_GRIDS, Trials
from edgekit.verbs.auto import candidate_builds, preparation_screen
from edgekit.verbs.auto import search as auto
from edgekit.verbs.export import quantizing
from edgekit.verbs.export.importing import load_model

SOURCE = "zoo:gru_mask"
pytestmark = needs_cc


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own."""
    monkeypatch.setattr(quantizing, "cache_folder", lambda: tmp_path / "cache")
    return tmp_path / "cache"


def clips() -> Iterator[dict[str, np.ndarray]]:
    """Three clips for the network of the zoo."""
    for seed in range(3):
        yield noise(float_model("gru_mask"), 40, seed=seed)


def vad_clips() -> Iterator[dict[str, np.ndarray]]:
    """Three clips for the detector of the zoo."""
    for seed in range(3):
        yield noise(float_model("lstm_vad"), 40, seed=seed)


def test_an_export_finds_a_recipe_writes_it_and_takes_it_back(tmp_path: Path, cache: Path) -> None:
    stages: list[str] = []
    found = api.export(
        SOURCE,
        "host",
        tmp_path / "found",
        recipe="auto",
        calibration=f"{__name__}:clips",
        min_snr_db=45,
        progress=lambda stage, done, total: stages.append(stage),
    )
    assert found.manifest.verification is not None
    assert found.manifest.verification["snr_db"] >= 45
    assert found.manifest.verification["bit_exact_with_oracle"]
    assert {"rank tensors", "search types"} <= set(stages)
    assert list(cache.glob("*.json"))
    recipe = read_recipe(tmp_path / "found" / "recipe.toml")
    assert recipe.name == "auto" and recipe.tensors
    report = (tmp_path / "found" / "report.html").read_text()
    assert "One tensor alone" in report and all(name in report for name in recipe.tensors)
    again = api.export(
        SOURCE,
        "host",
        tmp_path / "again",
        recipe=str(tmp_path / "found" / "recipe.toml"),
        calibration=f"{__name__}:clips",
    )
    assert again.manifest.digest == found.manifest.digest


@pytest.mark.slow
def test_a_search_is_the_same_twice_and_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, calibration = float_model("gru_mask"), Calibration(tuple(clips()), "x")
    monkeypatch.setattr(preparation_screen, "PREPARATIONS", preparation_screen.PREPARATIONS[:1])
    first = auto.find(model, calibration, 50, api.silent, tmp_path)
    measured = {path.name: path.read_bytes() for path in tmp_path.glob("*.json")}
    monkeypatch.setattr(Meter, "_trials", None)  # nothing is left to run
    second = auto.find(model, calibration, 50, api.silent, tmp_path)
    assert first.recipe == second.recipe
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.json")} == measured


@pytest.mark.slow
def test_without_a_ratio_to_look_for_products_stay_int8_and_what_that_costs_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = float_model("tcn")
    calibration = Calibration((noise(model, 40),), "x")
    monkeypatch.setattr(preparation_screen, "PREPARATIONS", preparation_screen.PREPARATIONS[:1])
    for module in (auto, criteria):
        monkeypatch.setattr(module, "MIN_SNR_DB", 150.0)
    best = auto.find(model, calibration, None, api.silent, tmp_path)
    manifest = with_macs(describe(best.quantized, "host"), best.quantized)
    assert manifest.macs_int8 >= 0.8 * manifest.macs_per_hop
    assert criteria.LEAST_SNR_DB <= best.snr_db < 150
    assert "150 dB need more multiply-accumulates in wider types than int8" in best.notes[0]


def test_pcm_is_judged_overlapping_and_quieter_too() -> None:
    model = load_model(str(NETWORK), OPTIONS).model
    (value,) = model.stream_inputs
    (name, hop), hops = (str(value.name), dims(value)), criteria.HEARD_HOPS
    clips = [{name: np.full((hops, *hop), level, np.float32)} for level in (1.0, 2.0, 4.0)]
    calibration = Calibration(tuple(clips), "x")
    places, judged, allowances = criteria.judges(
        model, calibration, sound_inputs(model, calibration)
    )
    assert places == (2,)
    assert [clip[name].shape for clip in judged] == [(hops // 5, *hop)] * 5
    loudest = [float(clip[name].max()) for clip in judged]
    assert loudest == pytest.approx([4, 0.4, 4 * 10**-1.5, 0.04, 3.5])
    assert allowances == [1, 2, 4, 10, 1]
    heard = criteria.decision_clips(calibration, name)
    assert len(heard) == 9
    assert [float(clip[name].max()) for clip in heard[:6]] == pytest.approx(
        [1, 2, 4, 0.1, 0.2, 0.4]
    )


def test_a_detector_may_be_noisier_in_quiet_sound_than_what_is_listened_to() -> None:
    heard = HeldOutSound("x", None)
    allowed = [
        [allowance for _, allowance in criteria.levels_of(float_model(name), heard)]
        for name in ("tcn", "lstm_vad")
    ]
    assert allowed == [[1, 2, 4, 10], [1, 4, 10, 40]]


@pytest.mark.slow
def test_what_cannot_be_reached_is_said_with_the_best(tmp_path: Path) -> None:
    with pytest.raises(CheckFailed, match=r"the best that was found is \d+\.\d dB"):
        api.quantize(SOURCE, "auto", f"{__name__}:clips", tmp_path / "x.onnx", min_snr_db=150)
    assert not (tmp_path / "x.onnx").exists()


@pytest.mark.slow
def test_what_falls_short_of_the_least_is_told_the_least_and_what_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = float_model("tcn")
    calibration = Calibration((noise(model, 40),), "x")
    measured = criteria.TypeCriteria.measured

    def noisy(*args: Any) -> candidates.Auto:
        return replace(measured(*args), snr_db=20.6)

    monkeypatch.setattr(preparation_screen, "PREPARATIONS", preparation_screen.PREPARATIONS[:1])
    monkeypatch.setattr(candidate_builds, "ROUNDS", 1)
    monkeypatch.setattr(criteria.TypeCriteria, "measured", noisy)
    found = auto.find(model, calibration, None, api.silent, tmp_path)
    assert "26 dB are needed; next: give --min-snr 20 or" in found.failed and not found.notes
    assert candidates.cost_of(found.quantized) == found.cost  # it is a network, though a failed one


@pytest.mark.slow
def test_an_export_below_its_floor_is_there_marked_failed_and_not_if_strict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparation_screen, "PREPARATIONS", preparation_screen.PREPARATIONS[:1])
    monkeypatch.setattr(candidate_builds, "ROUNDS", 1)
    given = {"recipe": "auto", "min_snr_db": 150, "calibration": f"{__name__}:clips"}
    with pytest.raises(VerificationError, match=r"--strict\n.* 150 dB are needed") as refused:
        api.export(SOURCE, "host", tmp_path / "strict", strict=True, **given)
    assert refused.value.exit_code == 1 and not (tmp_path / "strict").exists()
    folder = tmp_path / "out"
    with pytest.raises(VerificationError, match="out is this build, marked failed"):
        api.export(SOURCE, "host", folder, **given)
    manifest = Manifest.load(folder)
    assert manifest.verification is not None and manifest.verification["snr_db"] < 150
    failed = manifest.verification["failed"]
    assert "150 dB are needed" in failed
    (note,) = manifest.failure_notes
    assert failed in note and "<i>Failed</i><b>no</b>" in (folder / "report.html").read_text()
    assert dict(manifest_rows(manifest))["FAILED"] == note
    np.savez(tmp_path / "in.npz", **next(clips()))
    assert note in api.run(folder, tmp_path / "in.npz", tmp_path / "out.npz")
    assert api.bench(folder, hops=4).failed == failed


def test_a_network_that_no_c_can_run_is_refused_before_the_search(tmp_path: Path) -> None:
    ends = [helper.make_tensor_value_info(n, 1, d) for n, d in (("x", [1, 2, 2]), ("y", [1]))]
    source = tmp_path / "net.onnx"
    onnx.save(
        helper.make_model(
            helper.make_graph([helper.make_node("Det", ["x"], ["y"])], "net", ends[:1], ends[1:]),
            opset_imports=[helper.make_opsetid("", 18)],
        ),
        source,
    )
    clips = tmp_path / "clips"
    clips.mkdir()
    np.savez(clips / "clip.npz", x=np.ones((20, 1, 2, 2), np.float32))
    with pytest.raises(UsageError, match="not supported by the C targets"):
        api.quantize(str(source), "auto", str(clips), tmp_path / "out.onnx")


@pytest.mark.slow
def test_probabilities_must_decide_as_in_float(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, calibration = float_model("lstm_vad"), Calibration(tuple(vad_clips()), "x")
    assert set(probabilities(model).values()) == {"Sigmoid"}
    monkeypatch.setattr(preparation_screen, "PREPARATIONS", preparation_screen.PREPARATIONS[:1])
    monkeypatch.setattr(criteria, "MIN_SNR_DB", 10.0)
    asked = auto.find(model, calibration, 10, api.silent, tmp_path)
    assert asked.turned == 0 and not asked.notes
    for module in (auto, candidates):
        monkeypatch.setattr(module, "MOST_TURNED", -1.0)
    best = auto.find(model, calibration, None, api.silent, tmp_path)
    assert "decisions" in best.notes[0]
    for module in (auto, candidates):
        monkeypatch.setattr(module, "MOST_TURNED", best.turned)
    kept = auto.find(model, calibration, None, api.silent, tmp_path)
    assert kept.turned <= best.turned and not kept.notes


def test_decisions_are_told_from_other_outputs_and_counted() -> None:
    assert not probabilities(float_model("tcn"))
    assert decisions_of(np.array([0.2, 0.5, 0.7]), "Sigmoid").tolist() == [False, True, True]
    assert decisions_of(np.array([[0.2, 0.8], [0.6, 0.4]]), "Softmax").tolist() == [1, 0]
    model = float_model("lstm_vad")
    clip = noise(model, 20)
    decisions = Decisions(model, [clip])
    exact = run_hops(model, clip)
    assert decisions.turned(0, exact) == 0
    ((name, values),) = exact.items()
    nearest = np.abs(values - 0.5).min()
    across = {name: values + np.sign(0.5 - values) * nearest * 0.51}
    assert decisions.turned(0, across) == pytest.approx(1 / values.size / 2)  # errors of one sign
    assert decisions.count == values.size
    assert decisions.expected_share([0.0]) == decisions.expected_share([]) == 0
    # half of those that change at twice the error, and of their standard error
    error = np.sqrt(1 + 1 / CLIP_SHAPE) / values.size
    assert decisions.expected_share([1 / values.size]) == pytest.approx(
        (1 / values.size + error) / 2
    )


def test_a_ratio_to_look_for_needs_the_recipe_that_looks(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--min-snr"):
        api.quantize(SOURCE, "w8a8", f"{__name__}:clips", tmp_path / "x.onnx", min_snr_db=20)


@pytest.mark.slow
def test_a_denoiser_is_searched_by_its_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fold_steps(attach(tiny_model(), SAMPLER))
    calibration = own_trajectories(model, None, 40)
    monkeypatch.setattr(preparation_screen, "PREPARATIONS", preparation_screen.PREPARATIONS[:1])
    found = auto.find(model, calibration, None, api.silent, tmp_path)
    assert found.snr_db >= criteria.MIN_PSNR_DB
    assert found.snr_db == Images(model).psnr_db(found.quantized)
    assert "int8" in (found.recipe.activations, *found.recipe.tensors.values())
    monkeypatch.setattr(criteria, "MIN_PSNR_DB", 500.0)
    failed = auto.find(model, calibration, None, api.silent, tmp_path).failed
    assert re.search(r"images of .* PSNR", failed)


def test_no_recipe_that_another_beats_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, calibration = float_model("gru_mask"), Calibration(tuple(clips()), "x")
    monkeypatch.setattr(preparation_screen, "PREPARATIONS", preparation_screen.PREPARATIONS[:1])
    pools: list[list[candidates.Auto]] = []
    choose = auto.chosen

    def watched(
        found: list[candidates.Auto], needed: float, least: float
    ) -> candidates.Auto | None:
        pools.append(found)
        return choose(found, needed, least)

    monkeypatch.setattr(auto, "chosen", watched)
    best = auto.find(model, calibration, 45, api.silent, tmp_path)
    searched, *plain = pools[-1]
    assert searched.recipe.name == "auto"
    assert {found.recipe.name for found in plain} <= {"w8a8", "w8a16"}
    assert not [a for a in pools[-1] if a.cost <= best.cost and a.snr_db > best.snr_db]
    seen = observe_model(model, calibration, RECIPES["w8a16"])
    dearer = candidates.cost_of(quantize_observed(seen, RECIPES["w8a16"], "x")) > best.cost
    assert dearer  # than what suffices: it need not be measured


def test_a_search_that_was_cut_off_ends_as_one_that_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, calibration = float_model("gru_mask"), Calibration(tuple(clips()), "x")
    monkeypatch.setattr(preparation_screen, "PREPARATIONS", preparation_screen.PREPARATIONS[:1])

    def killed(stage: str, done: int, total: int) -> None:
        if stage == "rank tensors" and done > total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        auto.find(model, calibration, 50, killed, tmp_path / "a")
    (kept,) = (tmp_path / "a").glob("*.json")
    begun = len(json.loads(kept.read_text()))
    assert begun > 0
    tables: list[int] = []
    run = Trials.run

    def counted(
        self: Trials, judge: object, given: list = (), clips: Sequence[int] | None = None
    ) -> object:
        tables.append(len(given))
        return run(self, judge, given or (NO_GRIDS,), clips)

    monkeypatch.setattr(Trials, "run", counted)
    resumed, some = auto.find(model, calibration, 50, api.silent, tmp_path / "a"), sum(tables)
    whole = auto.find(model, calibration, 50, api.silent, tmp_path / "b")
    assert sum(tables) - some == some + begun
    assert resumed.quantized.to_bytes() == whole.quantized.to_bytes()
    assert (resumed.snr_db, resumed.cost) == (whole.snr_db, whole.cost)


@pytest.mark.slow
def test_a_metric_is_what_a_search_reaches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, calibration = float_model("gru_mask"), Calibration(tuple(clips()), "x")
    monkeypatch.setattr(preparation_screen, "PREPARATIONS", preparation_screen.PREPARATIONS[:1])

    def error(outputs: dict, exact: dict, clean: object) -> float:
        assert clean is None
        return -max(float(np.abs(outputs[name] - exact[name]).max()) for name in exact)

    metric = Metric("tests:error", error)
    reached = []
    for needed in (-0.2, -0.01):
        found = auto.find(model, calibration, needed, api.silent, tmp_path, metric=(metric, needed))
        assert found.snr_db >= needed
        reached.append(found.cost)
    assert reached[0] <= reached[1]
    found = auto.find(model, calibration, 1.0, api.silent, tmp_path, metric=(metric, 1.0))
    assert "by --metric" in found.failed


def test_recipes_that_ship_have_the_rounding_of_the_candidate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared = list[Recipe]()

    def compare(_: Any, candidate: Any, plain: Sequence[Recipe], *others: Any) -> None:
        compared.extend(plain)

    fitted = SimpleNamespace(recipe=replace(AUTO, rounding=SHAPED, observer="percentile"))
    screening = SimpleNamespace(recipes=(replace(AUTO, rounding=NEAREST),))
    monkeypatch.setattr(auto, "screen_preparations", lambda *_: screening)
    monkeypatch.setattr(auto, "prepare_candidate", lambda *_: fitted)
    monkeypatch.setattr(auto, "chosen", lambda *_: SimpleNamespace(turned=0.0))
    monkeypatch.setattr(auto._TypeSearch, "_try_shares", lambda *_: None)
    monkeypatch.setattr(auto._TypeSearch, "_try_plain", compare)
    judging: Any = SimpleNamespace(least=0.0, model=None, calibration=None, thrifty=False)
    auto._TypeSearch(judging, UNBOUNDED, False, HERE).run(lambda *_: None, None)
    assert {recipe.name for recipe in compared} == {"w8a8", "w8a16"}
    assert {recipe.rounding for recipe in compared} == {SHAPED}


def test_a_preparation_that_suffices_is_not_held_to_wider_types_of_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first one drifts in few wide tensors and in more; `w8a16` does not, and is louder above the noise."""
    narrow, wider, wide = "a twentieth", "a fifth", "all"
    goals = {
        "first": {narrow: 25.0, wider: 29.0, wide: 20.0},
        "second": {narrow: 26.0, wide: 20.0},
    }
    built = {
        ("first", narrow): (26.0, 1.0, 0.7),
        ("first", wider): (30.0, 1.5, 1.4),
        ("first", wide): (24.0, 1.2, 2.0),
        ("second", narrow): (27.9, 1.1, 0.2),
    }
    unused: Any = None

    def tiers(candidate: str, *_: Any) -> list[tuple[Any, float, float]]:
        goal_of = goals[candidate]
        return [([candidate, share], goal, goal) for share, goal in goal_of.items()]

    def found(snr_db: float, cost: float, drift_db: float) -> candidates.Auto:
        return candidates.Auto(AUTO, unused, unused, snr_db, cost, {}, drift_db=drift_db)

    monkeypatch.setattr(auto, "shares", tiers)
    monkeypatch.setattr(auto, "raise_aim", lambda form, *_: found(*built[tuple(form)]))
    monkeypatch.setattr(auto, "device_costs", lambda *_: {})
    judging: Any = SimpleNamespace(least=20.0, is_ratio=True)
    search, quiet = auto._TypeSearch(judging, UNBOUNDED, False, HERE), lambda *_: None
    first: Any = "first"
    search._try_shares(first, quiet)
    assert search.needed == 29.0
    search.pool.append(found(31.2, 2.0, 0.2))
    assert candidates.chosen(search.pool, search.needed, search.least) is search.pool[-1]
    second: Any = "second"
    search._try_shares(second, quiet)
    best = candidates.chosen(search.pool, search.needed, search.least)
    assert best is search.pool[-1] and best.cost == 1.1
    assert len(search.pool) == 5


def test_of_a_plain_recipe_that_drifts_other_ranges_are_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drifts = {"percentile": 0.7, "mse": 0.6, "minmax": 0.3}
    measured = list[tuple[str, str]]()

    def measure(_: Any, __: Any, recipe: Recipe) -> candidates.Auto:
        measured.append((recipe.name, recipe.observer))
        drift = drifts[recipe.observer] if recipe.name == "w8a8" else 0.0
        unused: Any = None
        return candidates.Auto(recipe, unused, unused, 40.0, 1.0, {}, drift_db=drift)

    found = replace(AUTO, rounding=SHAPED, observer="percentile", equalize=False, quiet_copies=True)
    forms = [replace(found, observer=observer, rounding=MEASURED) for observer in drifts]
    screening: Any = SimpleNamespace(by_loss=forms, may_be_best=lambda *_: True)
    judging: Any = SimpleNamespace(
        least=0.0, model=None, calibration=None, measured=measure, held=lambda seen: seen
    )
    candidate: Any = SimpleNamespace(recipe=found, seen=None, held=None)
    monkeypatch.setattr(auto, "observe_model", lambda *_: None)
    monkeypatch.setattr(auto, "sound_inputs", lambda *_: SimpleNamespace(parts=None))
    monkeypatch.setattr(auto, "device_costs", lambda *_: {})
    search = auto._TypeSearch(judging, UNBOUNDED, False, HERE)
    plain = [auto._plain(name, found, False) for name in auto.PLAIN]
    search._try_plain(candidate, plain, screening, lambda *_: None)
    wide = ("w8a16", RECIPES["w8a16"].observer)
    assert measured == [*(("w8a8", observer) for observer in drifts), wide]
    assert all(made.recipe.rounding == SHAPED for made in search.pool)
