"""What clips lack: swept over them, from end to end; constants, steps and files; what does not fit is refused."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from stream_networks import Net

from edgekit.base.errors import UsageError
from edgekit.base.settings import InputSettings, read_settings
from edgekit.export.from_onnx import from_onnx
from edgekit.graph.model import Model
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import load_calibration
from edgekit.quantize.calibrate.input_values import STRETCHES, InputValues, sweep, with_settings

HOP = 64


def knob_model(knobs: int = 1) -> Model:
    net = Net()
    gain = net.add("ReduceMean", "knob", keepdims=1)
    data = net.model([1, 1, HOP], net.add("Mul", "x", gain), more={"knob": [1, 1, knobs]})
    return from_onnx(data, name="net", hop=HOP, sample_rate=16000, controls=["knob"])


def voice_model() -> Model:
    net = Net()
    data = net.model([1, 1, HOP], net.add("Mul", "x", "voice"), more={"voice": [1, 1, 1]})
    return from_onnx(data, name="net", hop=HOP, sample_rate=16000, session=["voice"])


def given(*texts: str) -> InputSettings:
    return InputSettings(read_settings(texts))


def write_clips(folder: Path, count: int, hops: int = 80) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    for number in range(count):
        samples = 0.1 * random.standard_normal(hops * HOP)
        soundfile.write(folder / f"{number}.wav", samples, 16000)
    return folder


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("knobs", [1, 2, 4])
def test_a_range_is_swept_to_both_ends_and_between_in_every_clip(
    count: int, knobs: int, tmp_path: Path
) -> None:
    folder = str(write_clips(tmp_path / "clips", count))
    settings = given("knob=" + ",".join(["-2:3", "0:1", "5:9", "10:20"][:knobs]))
    found = load_calibration(folder, knob_model(knobs), settings)
    ends = np.array([(-2, 3), (0, 1), (5, 9), (10, 20)][:knobs])
    for clip in found.clips:
        values = clip["knob"][:, 0, 0]
        np.testing.assert_array_equal(values.min(0), ends[:, 0])
        np.testing.assert_array_equal(values.max(0), ends[:, 1])
        inside = (values > ends[:, 0]) & (values < ends[:, 1])
        assert 0.4 < inside.mean() < 0.6
        assert len(np.unique(values, axis=0)) == STRETCHES - (knobs == 1) * 2
    again = load_calibration(folder, knob_model(knobs), settings)
    for one, two in zip(found.clips, again.clips, strict=True):
        np.testing.assert_array_equal(one["knob"], two["knob"])
    assert any("'knob' is swept over" in note for note in found.notes)


def test_corners_come_in_all_combinations_and_points_inside_fill_the_cube() -> None:
    corners = {tuple(sweep(n, 3)) for n in range(0, 4 * STRETCHES, 2)}
    assert len(corners) == 8 and all(set(corner) <= {0, 1} for corner in corners)
    inside = np.array([sweep(n, 2) for n in range(1, 400, 2)])
    counts, *_ = np.histogram2d(*inside.T, bins=5, range=[[0, 1], [0, 1]])
    assert counts.min() >= 5 and counts.max() <= 11  # 200 points in 25 squares


def test_a_quarter_of_a_single_clip_has_a_corner_and_a_point_inside(tmp_path: Path) -> None:
    (clip,) = load_calibration(
        str(write_clips(tmp_path / "clips", 1)), knob_model(), given("knob=0:1")
    ).clips
    for quarter in np.split(clip["knob"].ravel(), 4):
        assert {0.0, 1.0} & set(quarter) and any(0 < value < 1 for value in quarter)


def test_values_by_time_and_single_values_stand_in_every_clip(tmp_path: Path) -> None:
    folder = str(write_clips(tmp_path / "clips", 2))
    for clip in load_calibration(folder, knob_model(), given("knob=0s:1,0.1s:2")).clips:
        assert clip["knob"].ravel().tolist() == [1.0] * 25 + [2.0] * 55
    for clip in load_calibration(folder, knob_model(2), given("knob=[3, 4]")).clips:
        assert (clip["knob"][:, 0, 0] == [3, 4]).all()


def test_a_npz_has_its_own_value_or_that_which_is_set(tmp_path: Path) -> None:
    x = np.ones((16, 1, 1, HOP), np.float32)
    np.savez(tmp_path / "a.npz", x=x)
    np.savez(tmp_path / "b.npz", x=x, knob=np.full((16, 1, 1, 1), 7, np.float32))
    found = load_calibration(str(tmp_path), knob_model(), given("knob=0:1"))
    first, second = (clip["knob"] for clip in found.clips)
    assert first.max() == 1 and (second == 7).all()
    assert "in 1 of 2 clips" in found.notes[-1]
    with pytest.raises(UsageError, match=r"not input 'knob'.*--set knob=LEAST:MOST"):
        load_calibration(str(tmp_path), knob_model())
    (tmp_path / "a.npz").unlink()
    with pytest.raises(UsageError, match="--set knob: every clip holds this input"):
        load_calibration(str(tmp_path), knob_model(), given("knob=0:1"))


def test_a_session_constant_is_set_swept_or_the_example(tmp_path: Path) -> None:
    folder, model = write_clips(tmp_path / "clips", 3), voice_model()
    values = np.full((1, 1, 1), 0.5, np.float32)
    np.save(tmp_path / "voice.npy", values)
    file = given(f"voice={tmp_path / 'voice.npy'}")
    for settings in (file, InputSettings(examples={"voice": values})):
        found = load_calibration(str(folder), model, settings)
        assert all(clip["voice"].tolist() == [[[0.5]]] for clip in found.clips)
    assert "'voice' is the factory's example" in found.notes[-1]
    swept = load_calibration(str(folder), model, given("voice=0:4")).clips
    assert [float(clip["voice"].item()) for clip in swept] == [0, pytest.approx(2), 4]
    (folder / "2.wav").unlink()
    with pytest.raises(UsageError, match="3 clips or more"):
        load_calibration(str(folder), model, given("voice=0:4"))
    with pytest.raises(UsageError, match="times; allowed: one value"):
        load_calibration(str(folder), model, given("voice=0s:1,1s:2"))
    with pytest.raises(UsageError, match=r"--set voice=FILE\.npy"):
        load_calibration(str(folder), model)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nob=1", r"--set nob: no such input; allowed: x \[1, 1, 64\], knob \[1, 1, 2\]"),
        ("knob=0:1,0:1,0:1", "3 ranges; allowed: one range, or one for each of 2 values"),
        ("knob=[1, 2, 3]", "3 numbers; allowed: a number or 2 of them"),
    ],
)
def test_what_does_not_fit_the_network_is_refused(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        InputValues(knob_model(2), given(text))


def test_made_inputs_get_what_is_set() -> None:
    made = {"x": np.ones((16, 1, 1, HOP), np.float32), "knob": np.ones((16, 1, 1, 1), np.float32)}
    found = with_settings(made, knob_model(), given("knob=-1:0"))
    assert found["x"] is made["x"] and (found["knob"].min(), found["knob"].max()) == (-1, 0)
    silent = with_settings(made, knob_model(), given("x=0"))
    assert not silent["x"].any() and silent["x"].shape == made["x"].shape


def test_a_knob_is_no_signal_in_silence(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(640), 16000)
    calibration = load_calibration(str(tmp_path), knob_model(), given("knob=1"))
    with pytest.raises(UsageError, match="only zeros"):
        quantize(knob_model(), calibration)
