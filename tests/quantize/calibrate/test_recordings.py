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


def test_tables_are_clips_with_their_lines_as_time(tmp_path: Path) -> None:
    (tmp_path / "a.x.csv").write_text("".join(f"{n}\n" for n in range(HOP * 10)))
    (tmp_path / "a.f0.csv").write_text("t,a,b,c,d\n" + "0,1,2,3,4\n" * 10)
    made = load_calibration(str(tmp_path), model())
    (clip,) = made.clips
    np.testing.assert_array_equal(clip["x"].ravel(), np.arange(HOP * 10))
    assert clip["x"].shape == (10, 1, 1, HOP) and clip["f0"].shape == (10, 1, 1, 4)
    np.testing.assert_array_equal(clip["f0"][9], [[[1, 2, 3, 4]]])
    assert made.notes == ("calibration: column 't' left out, in 1 of 1 files",)
    (tmp_path / "b.x.csv").write_text("1\n2\nthree\n")
    (tmp_path / "b.f0.csv").write_text("1,2,3,4\n")
    with pytest.raises(CalibrationError, match=r"b\.x\.csv': line 3, column 1: 'three' is no"):
        load_calibration(str(tmp_path), model())


def test_with_one_input_a_table_needs_no_name_of_it(tmp_path: Path) -> None:
    net = Net()
    sensor = from_onnx(net.model([1, 3, 5], net.add("Tanh", "x")), name="net")
    sensor = sensor.describe(timing={"x": {"axis": 2}})
    (tmp_path / "a.csv").write_text("ax,ay,az\n" + "".join(f"{n},0,1\n" for n in range(10)))
    np.save(tmp_path / "b.npy", np.zeros((1, 3, 10)))
    (first, second) = load_calibration(str(tmp_path), sensor).clips
    np.testing.assert_array_equal(first["x"][1, 0, 0], np.arange(5, 10))
    assert second["x"].shape == (2, 1, 3, 5)
    (tmp_path / "c.csv").write_text("1,2\n3,4\n")
    with pytest.raises(CalibrationError, match=r"c\.csv': 2 lines of 2 columns.* with 3 columns"):
        load_calibration(str(tmp_path), sensor)


def test_an_npz_of_other_arrays_is_told_what_to_hold(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", np.zeros((3, 2)))
    with pytest.raises(CalibrationError) as refused:
        load_calibration(str(tmp_path), model())
    assert str(refused.value.problems[0]) == (
        "'a.npz': holds 'arr_0' [3, 2], not input 'x'; allowed: x float32 [hops, 1, 1, 64], "
        "f0 float32 [hops, 1, 1, 4]; next: "
        "numpy.savez('a.npz', x=x.astype('float32'), f0=f0.astype('float32'))"
    )
