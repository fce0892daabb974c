"""Calibration sources: states carried over a clip, and every unusable source refused by name."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from builds import float_model, noise
from stream_networks import Net

from edgekit.base.errors import CalibrationError
from edgekit.base.wav import read_wav
from edgekit.export.from_onnx import from_onnx
from edgekit.export.frontend.add import add_frontend
from edgekit.export.frontend.spec import parse_spec
from edgekit.export.hop_runner import run_hops
from edgekit.graph.model import Model
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration, from_examples, load_calibration, observe
from edgekit.quantize.calibrate.warnings import calibration_warnings


def pcm_model() -> Model:
    return float_model("raw").describe(
        stream={"hop_samples": 64, "sample_rate_hz": 16000, "delay_samples": 0}
    )


def write_wav(path: Path, samples: int = 640, rate: int = 16000, channels: int = 1) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    soundfile.write(path, 0.1 * np.random.default_rng(0).standard_normal((samples, channels)), rate)


def factory() -> Iterator[dict[str, np.ndarray]]:
    yield {"x": np.ones((3, 1, 65), np.float32)}


def nothing() -> Iterator[dict[str, np.ndarray]]:
    yield from ()


def broken() -> Iterator[dict[str, np.ndarray]]:
    raise RuntimeError("no disk")


def test_states_are_carried_within_a_clip_and_zeroed_between_clips() -> None:
    model = float_model("gru_mask")
    inputs = noise(model, 10)
    observers = observe(model, Calibration((inputs, inputs), "x"))
    tapped = run_hops(model, inputs, tap=["h1_next"])["h1_next"]
    assert observers["h1_next"].maximum == tapped.max()
    assert observers["h1_next"].sample.size == 2 * tapped.size
    assert observers["h1"].maximum == tapped.max()


def test_wav_becomes_hops(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", 64 * 5 + 10)
    calibration = load_calibration(str(tmp_path), pcm_model())
    assert [clip["pcm"].shape for clip in calibration.clips] == [(5, 1, 64)]
    assert calibration.label == tmp_path.name


def test_the_clean_form_of_a_clip_is_no_clip(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav")
    write_wav(tmp_path / "b.wav")
    write_wav(tmp_path / "b.clean.wav", 320)
    calibration = load_calibration(str(tmp_path), pcm_model())
    assert len(calibration.clips) == 2
    assert {index: samples.shape for index, samples in calibration.clean.items()} == {1: (320,)}


def test_npz_and_factory(tmp_path: Path) -> None:
    model = float_model("gru_mask")
    np.savez(tmp_path / "a.npz", x=np.zeros((4, 1, 65), np.float32), other=np.zeros(3))
    assert load_calibration(str(tmp_path), model).clips[0]["x"].shape == (4, 1, 65)
    assert load_calibration(f"{__name__}:factory", model).clips[0]["x"].shape == (
        3,
        1,
        65,
    )
    examples = from_examples({"x": np.ones((1, 1, 65), np.float32)}, model)
    assert examples.clips[0]["x"].shape == (1, 1, 65)


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda p: None, "does not exist"),
        (lambda p: p.mkdir(), r"holds no recording, no \.csv and no \.npz"),
        (lambda p: p.write_text("x"), "is not a folder"),
        (lambda p: write_wav(p / "a.wav", samples=10), "less than one hop"),
        (lambda p: (p.mkdir(), (p / "a.wav").write_bytes(b"RIFFxxxx")), "a.wav"),
    ],
)
def test_unusable_folders(make, found: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    make(tmp_path / "c")
    with pytest.raises(CalibrationError, match=found) as caught:
        load_calibration(str(tmp_path / "c"), pcm_model())
    assert "--calibration" in str(caught.value) or "resample" in str(caught.value)


def test_recordings_are_resampled_and_mixed_as_run_does_it_with_a_note(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", samples=48000, rate=48000)
    write_wav(tmp_path / "b.wav", samples=48000, rate=48000, channels=2)
    write_wav(tmp_path / "c.wav")
    found = load_calibration(str(tmp_path), pcm_model())
    assert [next(iter(clip.values())).shape for clip in found.clips] == [(250, 1, 64)] * 2 + [
        (10, 1, 64)
    ]
    expected = read_wav(tmp_path / "b.wav", 16000).samples[: 250 * 64]
    np.testing.assert_array_equal(np.ravel(next(iter(found.clips[1].values()))), expected)
    assert found.notes == (
        "calibration: resampled from 48000 Hz to 16000 Hz, in 2 of 3 files",
        "calibration: 2 channels mixed down to mono, in 1 of 3 files",
    )
    assert set(found.notes) <= set(calibration_warnings(pcm_model(), found))


def test_all_unusable_files_are_listed(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", samples=10)
    (tmp_path / "b.wav").write_bytes(b"RIFFxxxx")
    (tmp_path / "c.npz").write_bytes(b"PK\x03\x04nonsense")
    with pytest.raises(CalibrationError) as caught:
        load_calibration(str(tmp_path), pcm_model())
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize(
    ("arrays", "found"),
    [
        ({"y": np.zeros((2, 1, 65))}, "not input 'x'"),
        ({"x": np.zeros((2, 65))}, "wants"),
        ({"x": np.zeros((0, 1, 65))}, "wants"),
        ({"x": np.full((2, 1, 65), np.nan)}, "NaN"),
        ({"x": np.array([None])}, "objects"),
        ({"x": np.full((2, 1, 65), 1e300)}, r"with 1e\+300, which float32 does not hold"),
    ],
)
def test_unusable_arrays(arrays: dict[str, np.ndarray], found: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(CalibrationError, match=found):
        load_calibration(str(tmp_path), float_model("gru_mask"))


@pytest.mark.parametrize(
    ("name", "found"),
    [("nothing", "yields nothing"), ("broken", "no disk"), ("missing", "missing")],
)
def test_unusable_factories(name: str, found: str) -> None:
    with pytest.raises(CalibrationError, match=found):
        load_calibration(f"{__name__}:{name}", float_model("gru_mask"))


def test_audio_for_a_network_of_features_is_refused(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav")
    with pytest.raises(CalibrationError, match="--frontend"):
        load_calibration(str(tmp_path), float_model("gru_mask"))
    model = add_frontend(float_model("gru_mask"), parse_spec("stft:128:64:sqrt_hann:logpow"), 16000)
    assert len(load_calibration(str(tmp_path), model).clips) == 1


def test_silent_clips_are_refused() -> None:
    model = float_model("gru_mask")
    silent = Calibration(({"x": np.zeros((5, 1, 65), np.float32)},), "clips/silent")
    with pytest.raises(CalibrationError, match="only zeros"):
        quantize(model, silent)


def test_audio_alone_does_not_tell_where_a_knob_stood(tmp_path: Path) -> None:
    net = Net()
    data = net.model([1, 1, 64], net.add("Mul", "x", "knob"), more={"knob": [1, 1, 1]})
    model = from_onnx(data, name="net", hop=64, sample_rate=16000, controls=["knob"])
    assert model.controls == ("knob",)
    write_wav(tmp_path / "wavs" / "a.wav")
    with pytest.raises(CalibrationError, match=r"'knob' as well; next: add --set knob=LEAST:MOST"):
        load_calibration(str(tmp_path / "wavs"), model)
    (tmp_path / "npzs").mkdir()
    knobs = np.linspace(0, 1, 10, dtype=np.float32).reshape(10, 1, 1, 1)
    x = np.ones((10, 1, 1, 64), np.float32)
    np.savez(tmp_path / "npzs" / "a.npz", x=x, knob=knobs)
    (clip,) = load_calibration(str(tmp_path / "npzs"), model).clips
    np.testing.assert_array_equal(clip["knob"], knobs)
