"""What hearables have: a knob turned while the sound goes on, from PCM to C and to a microcontroller."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from builds import lowered
from compressor import RATE, Compressor
from devices import on_devices, replayed, with_golden
from numpy.typing import NDArray
from tiny_build import needs_cc
from typer.testing import CliRunner

from edgekit import api
from edgekit.cli import app
from edgekit.graph.model import Model
from edgekit.runtime.audio.device import at_device, open_device
from edgekit.runtime.audio.live import Live, block_of
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.stream import Stream

HOP = 64
LOUD, SOFT = [-30.0, 4.0], [-12.0, 2.0]
HOPS, TURNED = 60, 30


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build for this machine, behind a device of another rate."""
    folder = tmp_path_factory.mktemp("compressor") / "build"
    api.export(
        "compressor:compressor", "host", folder, hop=HOP, sample_rate=RATE,
        time_axes={"pcm": 2}, controls=["knobs"], device_rate=48_000,
    )  # fmt: skip
    return folder


def tone() -> NDArray[np.float32]:
    place = np.arange(HOPS * HOP)
    return (0.5 * np.sin(2 * np.pi * 437 * place / RATE)).astype(np.float32)[None, None]


def knobs() -> NDArray[np.float32]:
    """(hops, 1, 2, 1): turned once, in the middle."""
    rows = [LOUD if hop < TURNED else SOFT for hop in range(HOPS)]
    return np.asarray(rows, np.float32)[:, None, :, None]


def offline(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The module itself, with the knobs as a sequence of samples."""
    sequence = np.repeat(values[:, 0, :, 0].T, HOP, 1)[None]
    with torch.no_grad():
        made = Compressor()(torch.from_numpy(tone()), torch.from_numpy(sequence))
    return np.asarray(made.numpy())


@pytest.mark.slow
@needs_cc
def test_a_compressor_with_a_knob_turned_mid_stream(exported: Path) -> None:
    stream = Stream.open(exported)
    assert [tensor.role for tensor in stream.manifest.hop_inputs] == ["stream", "control"]
    found = stream.clip({"pcm": tone(), "knobs": knobs()})["out"]
    np.testing.assert_allclose(found, offline(knobs()), atol=1e-5)
    still = stream.clip({"pcm": tone(), "knobs": np.asarray(LOUD).reshape(1, 2, 1)})["out"]
    turn = TURNED * HOP
    np.testing.assert_array_equal(found[..., :turn], still[..., :turn])
    heard = np.abs(found - still)[0, 0, turn : turn + HOP].max()
    assert heard > 0.02  # within the hop in which it was turned
    steps = np.abs(np.diff(found[0, 0]))
    assert steps[turn - 1 : turn + 4 * HOP].max() < 1.2 * steps[-10 * HOP :].max()  # no click


@needs_cc
@on_devices("cortex-m55")
def test_a_compressor_on_a_microcontroller(exported: Path, target: str, tmp_path: Path) -> None:
    model = Model.from_bytes((exported / "model.onnx").read_bytes())
    build = lowered(model, tmp_path, target)
    inputs = {"pcm": tone().reshape(HOPS, 1, 1, HOP), "knobs": knobs()}
    outputs = {"out": offline(knobs()).reshape(HOPS, 1, 1, HOP)}
    with_golden(build, model, tmp_path, target, inputs, outputs)
    assert replayed(tmp_path, target)[-1] == "PASS"


@needs_cc
def test_a_knob_and_a_device_of_another_rate_in_one_build(exported: Path) -> None:
    manifest = Manifest.load(exported)
    assert manifest.device is not None and manifest.verification is not None
    assert manifest.device["latency_samples"] == 3 * (HOP - 1) + 186
    assert manifest.verification["snr_db"] > 80
    text = (exported / "compressor.h").read_text()
    assert "const float *knobs; /* [1][2][1] */" in text


@needs_cc
def test_a_file_of_the_device_with_a_knob_turned_by_time(exported: Path, tmp_path: Path) -> None:
    sound = np.repeat(tone()[0, 0], 3)  # any 48 kHz sound
    soundfile.write(tmp_path / "in.wav", sound, 48_000, subtype="FLOAT")
    words = ["run", str(exported), str(tmp_path / "in.wav"), str(tmp_path / "out.wav")]
    words += ["--device-rate", "48000", "--set"]
    results = {}
    for setting in ("knobs=[-30, 4]", "knobs=0s:[-30, 4],0.12s:[-12, 2]"):
        result = CliRunner().invoke(app, [*words, setting])
        assert result.exit_code == 0, result.output
        results[setting], rate = soundfile.read(tmp_path / "out.wav", dtype="float32")
        assert rate == 48_000
    assert "delay compensated: 375 samples" in result.output
    still, turned = results.values()
    stream = Stream.open(exported)
    stream.turn({"knobs": np.asarray(LOUD).reshape(1, 2, 1)})
    whole = open_device(stream, 48_000).process(np.pad(sound, (0, 375))[None])[0, 375:]
    np.testing.assert_array_equal(still, whole)
    place = round(0.12 * 48_000)
    late = 375 + 192  # a value stands from the block in which its time lies
    np.testing.assert_array_equal(turned[: place - late], still[: place - late])
    assert np.abs(turned - still)[place : place + late].max() > 0.02


@needs_cc
def test_the_microphone_of_a_device_of_another_rate(exported: Path) -> None:
    stream = at_device(Stream.open(exported), 48_000)
    stream.turn({"knobs": np.asarray(LOUD).reshape(1, 2, 1)})
    live = Live(stream, block_of(stream))
    size = block_of(stream)
    heard = np.sin(np.arange(40 * size) / 9).astype(np.float32)[:, None]
    played = np.zeros_like(heard)
    for start in range(0, len(heard), size):
        live.callback(heard[start:][:size], played[start:][:size], size, None, None)
        while live.work():
            pass
    again = Stream.open(exported)
    again.turn({"knobs": np.asarray(LOUD).reshape(1, 2, 1)})
    expected = open_device(again, 48_000).process(heard.T)[0]
    late = live.facts().latency_samples - 375
    np.testing.assert_array_equal(played[late:, 0], expected[:-late])
    assert live.facts().late_samples == 0
