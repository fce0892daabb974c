"""Clips of sound are brought to one level, and silent ones are not."""

import numpy as np
import pytest
from builds import float_model, noise
from level_networks import HOP, RATE, network, sound
from stream_networks import Net

from edgekit.export.from_onnx import from_onnx
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.calibrate.held_out import Parts
from edgekit.quantize.calibrate.sound_levels import (
    HIGHEST_PEAK,
    LOUD_DBFS,
    active_dbfs,
    at_common_level,
)


def tone(amplitude: float, hops: int = 100) -> np.ndarray:
    t = np.arange(hops * HOP) / RATE
    wave = amplitude * np.sin(2 * np.pi * 440 * t)
    return np.asarray(wave.reshape(hops, 1, HOP), np.float32)


@pytest.mark.parametrize("silence", [0, 100, 900])
def test_the_level_of_what_is_active_does_not_depend_on_pauses(silence: int) -> None:
    pause = np.zeros((silence, 1, HOP), np.float32)
    found = active_dbfs(np.concatenate([pause, tone(0.1)]), RATE)
    assert found == pytest.approx(20 * np.log10(0.1) - 10 * np.log10(2), abs=0.1)
    assert active_dbfs(np.zeros((9, 1, HOP), np.float32), RATE) == -np.inf


@pytest.mark.parametrize(
    ("amplitude", "dbfs"), [(0.1, LOUD_DBFS), (1e-3, LOUD_DBFS), (0.9, -3.9), (1e-4, -83.0)]
)
def test_quiet_clips_are_raised_and_loud_and_silent_ones_stay(
    amplitude: float, dbfs: float
) -> None:
    model, clip = network(0, biases=True), {"pcm": tone(amplitude)}
    given = Calibration((clip,), "x", clean={0: np.ravel(clip["pcm"])})
    found = at_common_level(model, given)
    assert active_dbfs(found.clips[0]["pcm"], RATE) == pytest.approx(dbfs, abs=0.1)
    assert np.array_equal(found.clean[0], np.ravel(found.clips[0]["pcm"]))
    assert bool(found.notes) == (amplitude in (0.1, 1e-3) and amplitude < 0.2)


def test_a_peak_limits_the_gain() -> None:
    clip = sound(40, 0, 0.001)
    clip.flat[7] = 0.5
    found = at_common_level(network(0, biases=True), Calibration(({"pcm": clip},), "x"))
    assert np.abs(found.clips[0]["pcm"]).max() == pytest.approx(HIGHEST_PEAK)


def test_inputs_that_are_no_sound_stay() -> None:
    model = float_model("gru_mask")
    given = Calibration((noise(model, 10),), "x")
    assert at_common_level(model, given) is given


def test_a_microphone_and_a_loudspeaker_get_the_same_gain() -> None:
    net = Net()
    data = net.model([1, 1, HOP], net.add("Add", "x", "ref"), more={"ref": [1, 1, HOP]})
    model = from_onnx(data, name="two", hop=HOP, sample_rate=RATE)
    clip = {"x": tone(0.001)[:, None], "ref": tone(0.01)[:, None]}
    found = at_common_level(model, Calibration((clip,), "x")).clips[0]
    assert active_dbfs(found["ref"], RATE) == pytest.approx(LOUD_DBFS, abs=0.1)
    assert found["ref"] / found["x"].max() == pytest.approx(clip["ref"] / clip["x"].max(), rel=1e-5)
    slow = model.describe(stream={"hop_samples": HOP, "sample_rate_hz": 1000})
    given = Calibration((clip,), "x")
    assert at_common_level(slow, given) is given  # a sensor's


def test_silent_clips_are_not_judged_on() -> None:
    parts = Parts([10] * 6, frozenset({1, 3}))
    assert parts.judging == (0, 2, 4, 5) and parts.folds == ((2,), (5,))
    assert Parts([10] * 2, frozenset({0, 1})).judging == (0, 1)
