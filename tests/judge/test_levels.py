"""What an export says of clips that it was not calibrated on, at several levels."""

import json
from dataclasses import replace
from pathlib import Path

import level_networks
import numpy as np
import pytest
import soundfile
import tiny_networks
from builds import noise
from tiny_build import needs_cc
from tiny_networks import FRONTEND, HOP

from edgekit import api
from edgekit.base.errors import VerificationError
from edgekit.cli.facts import manifest_rows
from edgekit.demos.show_denoise import NETWORK, OPTIONS
from edgekit.export.hop_runner import HopRunner, run_hops
from edgekit.graph.model import Model
from edgekit.judge import levels
from edgekit.judge.held_out_report import MOST_BEYOND, HeldOutReport, Level
from edgekit.judge.levels import LEVELS_DB, judge, sound_inputs
from edgekit.judge.measurement import Clips, Reference
from edgekit.operators.geometry import dims
from edgekit.quantize.apply import observe_model, quantize_observed
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.recipe import RECIPES
from edgekit.quantize.recipe_file import to_toml
from edgekit.runtime.build_folder.levels import levels_text
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.verbs.export.importing import ImportOptions, load_model

RATE = 16000
FIXED = replace(RECIPES["w8a8"], hop_scales=False)


def model_of(path: Path):
    from edgekit.export.frontend.spec import parse_spec

    return load_model(
        str(path), ImportOptions(sample_rate=RATE, frontend=parse_spec(FRONTEND))
    ).model


def sound(count: int, hops: int = 40, seed: int = 0) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [(0.2 * random.standard_normal((hops, 1, HOP))).astype(np.float32) for _ in range(count)]


def recordings(folder: Path, count: int, hops: int = 60) -> str:
    folder.mkdir()
    for number, clip in enumerate(sound(count, hops)):
        soundfile.write(folder / f"{number}.wav", np.ravel(clip), RATE, subtype="FLOAT")
    return str(folder)


def judged(network, clips, recipe=RECIPES["w8a8"], kernels=None) -> HeldOutReport:
    (name,) = [str(value.name) for value in network.stream_inputs]
    calibration = Calibration(tuple({name: clip} for clip in clips), "x")
    seen = observe_model(network, calibration, recipe, sound_inputs(network, calibration).parts)
    return judge(network, seen, recipe, kernels, api.silent)


def test_the_margin_is_the_interval_for_the_mean_of_as_many_other_clips() -> None:
    assert levels.mean_margin_db([30.0]) is None
    assert levels.mean_margin_db([30.0, 32.0]) == pytest.approx(12.71 * np.sqrt(2), abs=1e-9)
    random, inside = np.random.default_rng(0), 0
    for _ in range(400):
        stated, others = random.normal(28, 5, (2, 8))
        margin = levels.mean_margin_db(list(stated))
        inside += margin is not None and abs(stated.mean() - others.mean()) <= margin
    assert 0.92 < inside / 400 < 0.98


def test_quiet_sound_loses_what_one_step_for_all_levels_costs(tmp_path: Path) -> None:
    network = model_of(tiny_networks.spectral_map(tmp_path / "map.onnx"))
    found = judged(network, sound(6), FIXED)
    assert (found.clips, found.of) == (6, 6)
    ratios = [row.snr_db for row in found.levels]
    assert [row.level_db for row in found.levels] == list(LEVELS_DB)
    assert ratios[0] > 30 and ratios[0] - 24 < ratios[1] < ratios[0] - 15
    assert found.is_short and found.instead is not None
    assert found.instead.level_db == -30 and found.instead.snr_db > 40
    note = found.notes("w8a8")[0]
    assert "at -30 dB on 6 of 6 clips" in note and "w8a16, which has" in note
    assert found.facts()["levels"][0]["snr_db"] == round(ratios[0], 2)
    for recipe in ("w8a8", "w8a16"):  # with a step for every hop
        fine = judged(network, sound(6), RECIPES[recipe])
        assert not fine.is_short and fine.instead is None
        assert max(row.snr_db for row in fine.levels) - min(row.snr_db for row in fine.levels) < 2


@pytest.mark.slow
@needs_cc
def test_generated_c_and_onnxruntime_judge_alike(tmp_path: Path) -> None:
    network = model_of(tiny_networks.spectral_map(tmp_path / "map.onnx"))
    host, portable, onnx = (judged(network, sound(2), kernels=k) for k in ("host", "c99", None))
    assert host == portable
    for a, b in zip(host.levels, onnx.levels, strict=True):
        assert a.snr_db == pytest.approx(b.snr_db, abs=1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "hops", "judged_clips"), [(20, 400, 8), (16, 400, 8), (20, 10, 20)]
)
def test_of_many_long_clips_few_are_judged_for_seconds(
    count: int, hops: int, judged_clips: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty clips cut short would show their starts alone."""
    lengths = list[int]()

    def reference(model: Model, clips: Clips) -> Reference:
        lengths.extend(len(clip["pcm"]) for clip in clips)
        return Reference(model, clips)

    monkeypatch.setattr(levels, "Reference", reference)
    clips = [level_networks.sound(hops, seed) for seed in range(count)]
    report = judged(level_networks.network(1, biases=True), clips)
    assert (report.clips, report.of) == (judged_clips, count)
    assert lengths == [min(hops, 375)] * (judged_clips * len(LEVELS_DB))


def test_a_clip_unlike_the_others_costs_what_is_said(tmp_path: Path) -> None:
    network = model_of(tiny_networks.spectral_map(tmp_path / "map.onnx"))
    first, second, *_ = sound(3)
    found = judged(network, [first, np.float32(40) * second], FIXED)
    assert found.heard_db is not None and found.heard_db > found.levels[0].snr_db + 3
    assert "worse where they are left out of it" in found.notes("w8a8")[-2]
    alone = judged(network, [np.concatenate([first, np.float32(40) * second])])
    assert (alone.clips, alone.of) == (2, 4)


@pytest.mark.slow
def test_few_and_unlike_clips_leave_ranges_that_others_go_beyond(tmp_path: Path) -> None:
    network = model_of(tiny_networks.spectral_map(tmp_path / "map.onnx"))
    alike = judged(network, sound(8))
    assert alike.beyond <= MOST_BEYOND and not any(
        "go 3 dB" in note for note in alike.notes("w8a8")
    )
    gains = [np.float32(gain) for gain in (0.1, 0.3, 1, 4)]
    clips = [gain * clip for gain, clip in zip(gains, sound(4), strict=True)]
    few = judged(network, clips, FIXED)
    assert few.beyond == pytest.approx(0.25, abs=0.05)  # nearly all tensors, in the loudest of four
    (note,) = [note for note in few.notes("w8a8") if "go 3 dB" in note]
    assert f"{100 * few.beyond:.0f} % of the tensors" in note and "other 3 of 4" in note
    first, second = sound(2)
    alone = judged(network, [np.concatenate([first, np.float32(9) * second])])
    assert alone.of == 4 and alone.beyond < few.beyond / 2  # two of its quarters are as loud


def voiced(seed: int, seconds: float = 2.0) -> np.ndarray:
    """Syllables of a random pitch in coloured noise, at 5 dB and a random level, (samples,)."""
    random = np.random.default_rng(seed)
    t = np.arange(int(seconds * RATE)) / RATE
    pitch = random.uniform(90, 250) * (1 + 0.1 * np.sin(2 * np.pi * random.uniform(0.5, 2) * t))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    tones = sum(np.sin(k * phase + random.uniform(0, 6)) / k for k in range(1, 20))
    voice = tones * np.maximum(np.sin(2 * np.pi * random.uniform(2, 5) * t), 0)
    spectrum = np.fft.rfft(random.standard_normal(len(t)))
    noise = np.fft.irfft(
        spectrum / (1 + np.arange(len(spectrum))) ** random.uniform(0, 0.5), len(t)
    )
    mixed = voice / voice.std() + noise / noise.std() * 10**-0.25
    return np.asarray(10 ** random.uniform(-2, -1) * mixed, np.float32)


@pytest.mark.slow
def test_what_is_stated_of_the_bundled_denoiser_does_not_flatter_on_unheard_clips() -> None:
    network = load_model(str(NETWORK), OPTIONS).model
    (value,) = network.stream_inputs
    name, shape = str(value.name), dims(value)

    def clips(seeds: range) -> list[dict[str, np.ndarray]]:
        size = int(np.prod(shape))
        cut = (c[: len(c) // size * size] for c in map(voiced, seeds))
        return [{name: c.reshape(-1, *shape)} for c in cut]

    calibration = Calibration(tuple(clips(range(16))), "x")
    seen = observe_model(
        network, calibration, RECIPES["w8a8"], sound_inputs(network, calibration).parts
    )
    stated = judge(network, seen, RECIPES["w8a8"], None, api.silent)
    quantized = HopRunner(quantize_observed(seen, RECIPES["w8a8"], "x"))
    for row in stated.levels:
        gain = np.float32(10 ** (row.level_db / 20))
        unheard = [{name: gain * clip[name]} for clip in clips(range(100, 124))]
        reference = Reference(network, unheard)
        noises = [reference.noise(i, quantized(clip)) for i, clip in enumerate(unheard)]
        each = np.array([-10 * np.log10(max(noise.values())) for noise in noises])
        tells = 2 * each.std() * np.sqrt(1 / stated.clips + 1 / len(each))  # what so few clips tell
        assert row.snr_db is not None
        assert row.snr_db <= each.mean() + 1 + tells, (row.level_db, row.snr_db, each.mean())


def test_a_detector_is_judged_by_its_decisions(tmp_path: Path) -> None:
    network = model_of(tiny_networks.spectral_gain(tmp_path / "gain.onnx"))
    assert judged(network, sound(2)).levels[0].alike is None  # its gain ends in sound
    assert Level(0, 3.0, 0.99).short is False and Level(0, 60.0, 0.97).short is True
    row = Level(0, 3.0, 0.9712)
    assert row.said == "97.12 % of the decisions as in float"
    assert "98 % are wanted" in HeldOutReport(1, 2, (row,), None).notes("w8a8")[0]


@pytest.mark.slow
@needs_cc
def test_an_export_says_it_in_its_output_its_manifest_and_its_report(tmp_path: Path) -> None:
    network, source = (
        tiny_networks.spectral_map(tmp_path / "map.onnx"),
        recordings(tmp_path / "c", 5),
    )
    fixed = tmp_path / "fixed.toml"
    fixed.write_text(to_toml(replace(FIXED, name="fixed")))
    options = {
        "recipe": str(fixed),
        "sample_rate": RATE,
        "frontend": FRONTEND,
        "calibration": source,
    }
    exported = api.export(str(network), "host", tmp_path / "out", **options)
    facts = json.loads((tmp_path / "out" / "manifest.json").read_text())["verification"]
    assert [row["level_db"] for row in facts["levels"]] == list(LEVELS_DB)
    assert facts["held_out"].keys() == {"clips", "of", "heard_snr_db", "level_dbfs"}
    assert (facts["held_out"]["clips"], facts["held_out"]["of"]) == (2, 5)
    assert Manifest.load(tmp_path / "out") == exported.manifest
    text = levels_text(exported.manifest.verification)
    assert (
        text is not None and f"at -20 dB ({facts['held_out']['level_dbfs'] - 20:.0f} dBFS)" in text
    )
    assert ("not calibrated on", text) in manifest_rows(exported.manifest)
    assert text in (tmp_path / "out" / "report.html").read_text()
    assert [note for note in exported.notes if note.startswith("levels: ")]
    with pytest.raises(
        VerificationError, match=r"--strict\nlevels: .* next: --recipe auto, or w8a16"
    ):
        api.export(str(network), "host", tmp_path / "strict", strict=True, **options)
    assert not (tmp_path / "strict").exists()
    plain = api.export(
        str(network), "host", tmp_path / "float", sample_rate=RATE, frontend=FRONTEND
    )
    assert "levels" not in plain.manifest.verification


def test_networks_without_sound_are_judged_on_clips_left_out_at_one_level(tmp_path: Path) -> None:
    source = str(tiny_networks.recurrent(tmp_path / "t.onnx"))
    network = load_model(source, ImportOptions()).model
    clips = tuple(noise(network, 40, seed=seed) for seed in range(4))
    recipe = RECIPES["w8a8"]
    calibration = Calibration(clips, "x")
    seen = observe_model(network, calibration, recipe, sound_inputs(network, calibration).parts)
    found = judge(network, seen, recipe, "host", api.silent)
    assert (found.clips, found.of, len(found.levels)) == (2, 4, 1)
    (row,) = found.levels
    assert found.level_dbfs is None and row.snr_db is not None and 10 < row.snr_db < 90
    made = HopRunner(quantize_observed(seen.without((1,)), recipe, ""))
    known = HopRunner(quantize_observed(seen.without((3,)), recipe, ""))
    reference = Reference(network, clips)
    noises = [reference.noise(at, run(clips[at])) for at, run in ((1, made), (3, known))]
    assert row.snr_db == pytest.approx(np.mean([-10 * np.log10(max(n.values())) for n in noises]))
    text = levels_text(found.facts())
    assert text is not None and " at " not in text.split(", each")[0] and "2 of 4 clips" in text
    short = replace(found, levels=(Level(0, 12.0, None),))
    (note,) = [note for note in short.notes("w8a8") if note.startswith("held out: ")]
    assert "12.0 dB on 2 of 4 clips" in note and "more different clips" in note


@pytest.mark.slow
@needs_cc
def test_an_export_without_sound_says_what_clips_left_out_keep(tmp_path: Path) -> None:
    source = tiny_networks.recurrent(tmp_path / "t.onnx")
    network = load_model(str(source), ImportOptions()).model
    for seed in range(3):
        np.savez(tmp_path / f"{seed}.npz", **noise(network, 20, seed=seed))
    made = api.export(
        str(source), "host", tmp_path / "out", recipe="w8a8", calibration=str(tmp_path)
    )
    facts = made.manifest.verification
    assert facts is not None and [row["level_db"] for row in facts["levels"]] == [0]
    assert facts["held_out"].keys() == {"clips", "of", "heard_snr_db"}
    assert Manifest.load(tmp_path / "out") == made.manifest
    assert "On other data" in (tmp_path / "out" / "report.html").read_text()


def test_networks_without_sound_have_no_pcm(tmp_path: Path) -> None:
    network = load_model(str(tiny_networks.recurrent(tmp_path / "t.onnx")), ImportOptions()).model
    calls = Calibration((noise(network, 8),), "x")
    assert sound_inputs(network, calls).pcm is None
    pcm = model_of(tiny_networks.spectral_map(tmp_path / "map.onnx"))
    name = str(pcm.stream_inputs[0].name)
    short, long = (
        sound_inputs(pcm, Calibration(({name: np.zeros((hops, 1, HOP), np.float32)},), "x"))
        for hops in (3, 4)
    )
    assert short.pcm == long.pcm == name
    assert short.parts is None and long.parts is not None and len(long.parts.parts) == 4
    assert run_hops(pcm, {name: np.zeros((1, 1, HOP), np.float32)})
    assert levels_text(None) is None and levels_text({"snr_db": 1.0}) is None
    assert levels.LEVELS_DB[0] == 0
