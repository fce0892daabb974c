"""Files of a folder are clips by their names: sounds of several inputs, and arrays of others beside them."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from stream_networks import Net

from edgekit.base.clip_files import files_without
from edgekit.base.errors import CalibrationError
from edgekit.export.from_onnx import from_onnx
from edgekit.graph.model import Model
from edgekit.quantize.calibrate.clips import load_calibration

HOP = 64


def model(pcm: tuple[str, ...] = ("x",), control: bool = True) -> Model:
    net = Net()
    total = pcm[0]
    for name in pcm[1:]:
        total = net.add("Add", total, name)
    more = {name: [1, 1, HOP] for name in pcm[1:]} | {"f0": [1, 1, 4]}
    net_out = net.add("Mul", total, net.add("ReduceMean", "f0", keepdims=1))
    data = net.model([1, 1, HOP], net_out, more=more)
    controls = ["f0"] if control else []
    return from_onnx(data, name="net", hop=HOP, sample_rate=16000, controls=controls)


def wav(path: Path, hops: int = 10) -> None:
    soundfile.write(path, 0.1 * np.random.default_rng(0).standard_normal(hops * HOP), 16000)


@pytest.mark.parametrize("control", [True, False])
def test_an_array_beside_a_sound_is_what_another_input_has(control: bool, tmp_path: Path) -> None:
    wav(tmp_path / "a.wav")
    rows = np.arange(40, dtype=np.float32).reshape(10, 1, 1, 4)
    np.save(tmp_path / "a.f0.npy", rows)
    (clip,) = load_calibration(str(tmp_path), model(control=control)).clips
    np.testing.assert_array_equal(clip["f0"], rows)
    assert clip["x"].shape == (10, 1, 1, HOP)
    np.save(tmp_path / "a.f0.npy", rows[:9])
    with pytest.raises(CalibrationError, match="differ in their number of hops"):
        load_calibration(str(tmp_path), model(control=control))


def test_two_sounds_and_an_array_are_one_clip_and_what_is_missing_is_named(tmp_path: Path) -> None:
    two = model(("x", "ref"))
    for stem in ("a", "b"):
        wav(tmp_path / f"{stem}.x.wav")
        wav(tmp_path / f"{stem}.ref.wav")
        np.save(tmp_path / f"{stem}.f0.npy", np.ones((10, 1, 1, 4), np.float32))
    found = load_calibration(str(tmp_path), two).clips
    assert len(found) == 2 and all(clip.keys() == {"x", "ref", "f0"} for clip in found)
    (tmp_path / "a.ref.wav").unlink()
    (tmp_path / "b.f0.npy").unlink()
    with pytest.raises(CalibrationError) as error:
        load_calibration(str(tmp_path), two)
    said = str(error.value)
    assert "clip 'a': no ref" in said and "add a.ref.wav" in said
    assert "'b.ref.wav'" in said and "--set f0=LEAST:MOST" in said


def test_a_file_that_belongs_to_no_input_is_refused(tmp_path: Path) -> None:
    wav(tmp_path / "a.wav")
    np.save(tmp_path / "a.nosuch.npy", np.ones(3))
    with pytest.raises(CalibrationError, match=r"'a\.nosuch\.npy'.*NAME\.f0\.npy"):
        load_calibration(str(tmp_path), model())


def test_sounds_of_a_network_with_channels_get_the_layout_to_give(tmp_path: Path) -> None:
    net = Net()
    data = net.model([1, 2, HOP], net.add("Tanh", "x"))
    stereo = from_onnx(data, name="net", hop=HOP, sample_rate=16000)
    wav(tmp_path / "a.wav")
    with pytest.raises(CalibrationError, match="--layout x=NCT"):
        load_calibration(str(tmp_path), stereo.describe(timing={"x": {"axis": 2}}))
    with pytest.raises(CalibrationError, match="--layout INPUT=NCT"):
        load_calibration(str(tmp_path), stereo)


def test_an_array_of_objects_is_refused(tmp_path: Path) -> None:
    wav(tmp_path / "a.wav")
    np.save(tmp_path / "a.f0.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(CalibrationError, match="holds objects"):
        load_calibration(str(tmp_path), model())


def test_what_clips_lack_is_known_by_the_names_of_files(tmp_path: Path) -> None:
    wav(tmp_path / "a.wav")
    wav(tmp_path / "a.clean.wav")
    wav(tmp_path / "b.mic.wav")
    np.savez(tmp_path / "c.npz", f0=np.ones(3))
    assert [path.name for path in files_without(tmp_path, "f0")] == ["a.wav", "b.mic.wav"]
    np.save(tmp_path / "b.f0.npy", np.ones(3))
    np.save(tmp_path / "a.f0.npy", np.ones(3))
    assert files_without(tmp_path, "f0") == []
    assert [path.name for path in files_without(tmp_path, "gain")] == [
        "a.wav",
        "b.mic.wav",
        "c.npz",
    ]


def test_recordings_of_any_kind_and_their_clean_forms_are_clips(tmp_path: Path) -> None:
    net = model()
    for name, hops in (("a.flac", 10), ("b.ogg", 20), ("c.MP3", 30), ("b.clean.flac", 20)):
        wav(tmp_path / name, hops)
    for stem, hops in (("a", 10), ("b", 20), ("c", 30)):
        np.save(tmp_path / f"{stem}.f0.npy", np.ones((hops, 1, 1, 4), np.float32))
    found = load_calibration(str(tmp_path), net)
    assert [len(clip["x"]) for clip in found.clips] == [10, 20, 30]
    assert {number: len(samples) for number, samples in found.clean.items()} == {1: 20 * HOP}


def test_one_clip_in_two_files_is_refused(tmp_path: Path) -> None:
    for name in ("a.wav", "a.flac"):
        wav(tmp_path / name)
    np.save(tmp_path / "a.f0.npy", np.ones((10, 1, 1, 4), np.float32))
    with pytest.raises(CalibrationError, match=r"'a\.wav': a second file for input 'x'"):
        load_calibration(str(tmp_path), model())
