"""Recordings through builds that give no audio: arrays and tables of hops."""

import csv
from pathlib import Path

import numpy as np
import onnx
import pytest
import soundfile
from numpy.typing import NDArray

from edgekit import api
from edgekit.base.errors import UsageError
from edgekit.base.input_arrays import FILL_NOTE
from edgekit.base.npz import read_npz, write_npz
from edgekit.runtime.build_folder.files import open_build

LENGTH, HOP, RATE = 24, 16, 8000


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """Gives the mean square of the last samples, (1, 1), and whether it is loud, (1, 2) int32."""
    network = onnx.parser.parse_model(
        f'<ir_version: 10, opset_import: ["": 21]> n (float[1, {LENGTH}] x) => '
        "(float[1, 1] power, int32[1, 2] loud) { s = Mul (x, x)  axes = Constant <value_ints = [1]> () "
        "power = ReduceMean (s, axes)  half = Constant <value_floats = [0.02, 0.2]> () "
        "more = Greater (power, half)  loud = Cast <to = 6> (more) }"
    )
    onnx.save(network, tmp_path / "n.onnx")
    api.export(
        str(tmp_path / "n.onnx"),
        "onnxruntime",
        tmp_path / "build",
        sample_rate=RATE,
        frontend=f"frame:{LENGTH}:{HOP}",
    )
    return tmp_path / "build"


def recording(path: Path, samples: int = 10 * HOP + 5) -> NDArray[np.float64]:
    noise = np.random.default_rng(0).uniform(-1, 1, samples) * np.linspace(0, 1, samples)
    soundfile.write(path, noise, RATE, subtype="FLOAT")
    return noise


def powers(noise: NDArray[np.float64]) -> NDArray[np.float64]:
    padded = np.concatenate([np.zeros(LENGTH - HOP), noise, np.zeros(-len(noise) % HOP)])
    frames = [padded[start : start + LENGTH] for start in range(0, len(noise), HOP)]
    return np.mean(np.square(frames), axis=1)


def test_a_wav_becomes_an_array_per_output(build: Path, tmp_path: Path) -> None:
    expected = powers(recording(tmp_path / "in.wav"))
    assert api.run(build, tmp_path / "in.wav", tmp_path / "out.npz") == ()
    arrays = read_npz(tmp_path / "out.npz")
    np.testing.assert_allclose(arrays["power"][:, 0, 0], expected, rtol=1e-5)
    assert arrays["loud"].dtype == np.int32 and arrays["loud"].shape == (11, 1, 2)


def test_a_wav_becomes_a_table_with_times(build: Path, tmp_path: Path) -> None:
    expected = powers(recording(tmp_path / "in.wav"))
    api.run(build, tmp_path / "in.wav", tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(newline="") as file:
        title, *lines = csv.reader(file)
    assert title == ["time_s", "power", "loud[0,0]", "loud[0,1]"]
    table = np.array(lines, np.float64)
    np.testing.assert_allclose(table[:, 0], np.arange(11) * HOP / RATE, atol=1e-6)
    np.testing.assert_allclose(table[:, 1], expected, rtol=1e-5)
    np.testing.assert_array_equal(table[:, 2:], expected[:, None] > [0.02, 0.2])


def test_arrays_become_a_table_with_the_number_of_each_hop(build: Path, tmp_path: Path) -> None:
    hops = np.random.default_rng(0).normal(size=(3, 1, 1, HOP)).astype(np.float32)
    (stream_input,) = open_build(build).stream_inputs
    write_npz(tmp_path / "in.npz", {stream_input.name: hops.reshape(3, *stream_input.shape)})
    api.run(build, tmp_path / "in.npz", tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(newline="") as file:
        title, *lines = csv.reader(file)
    assert title[0] == "hop" and [line[0] for line in lines] == ["0", "1", "2"]


def test_tables_and_whole_recordings_give_what_hops_give(build: Path, tmp_path: Path) -> None:
    expected = powers(recording(tmp_path / "in.wav"))
    samples, _ = soundfile.read(tmp_path / "in.wav", dtype="float32")
    np.savetxt(tmp_path / "in.csv", samples)
    np.save(tmp_path / "in.npy", samples[None])
    (stream_input,) = open_build(build).stream_inputs
    write_npz(tmp_path / "in.npz", {stream_input.name: samples[None]})
    for ending, said in ((".csv", (FILL_NOTE,)), (".npy", ()), (".npz", ())):
        assert api.run(build, tmp_path / f"in{ending}", tmp_path / "out.npz") == said
        found = read_npz(tmp_path / "out.npz")["power"][:, 0, 0]
        np.testing.assert_allclose(found, expected[:10], rtol=1e-5)
    named = {stream_input.name: tmp_path / "in.csv"}
    assert api.run(build, named, tmp_path / "out.npz") == (FILL_NOTE,)


def test_arrays_of_other_names_are_listed_beside_those_wanted(build: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "in.npz", np.zeros((3, 2)))
    (stream_input,) = open_build(build).stream_inputs
    said = (
        rf"in.npz': holds arr_0 float64 \[3, 2\]; allowed: an array for each of {stream_input.name} "
        r"float32 \[hops, 1, 16\].*; next: numpy.savez\('in.npz', "
    )
    with pytest.raises(UsageError, match=said):
        api.run(build, tmp_path / "in.npz", tmp_path / "out.npz")


def test_no_audio_comes_of_a_build_that_gives_none(build: Path, tmp_path: Path) -> None:
    recording(tmp_path / "in.wav")
    with pytest.raises(UsageError, match=r"gives power \[1, 1\].*to a \.npz or \.csv instead"):
        api.run(build, tmp_path / "in.wav", tmp_path / "out.wav")
    with pytest.raises(UsageError, match=r"a recording to \.npz, a recording to \.csv"):
        api.run(build, tmp_path / "in.npz", tmp_path / "out.json")
    assert not (tmp_path / "out.wav").exists()
