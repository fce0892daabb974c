"""What a build detects while sound devices are heard: as from a file, printed as it comes, at any rate."""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import soundfile
from fake_sound import FakeSound
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from tiny_build import needs_cc

from edgekit import api, cli
from edgekit.base.errors import UsageError
from edgekit.base.layout import parse_layout
from edgekit.runtime.audio.sound import QUIT

RATE, HOP = 16000, 160
DECIDE = "on=0.3:off=0.2:hold=100ms:labels=mic,ref,quiet:ignore=quiet"
FLOAT = TensorProto.FLOAT


def network(path: Path, sounds: int) -> str:
    """Scores of which of two streams is loud, and so many outputs of sound: the difference, twice it."""
    nodes = [
        helper.make_node("Concat", ["mic", "ref"], ["both"], axis=1),
        helper.make_node("Abs", ["both"], ["size"]),
        helper.make_node("ReduceMean", ["size", "time"], ["loud"], keepdims=0),
        helper.make_node("Concat", ["loud", "quiet"], ["scores"], axis=1),
        helper.make_node("Sub", ["mic", "ref"], ["less"]),
        helper.make_node("Add", ["less", "less"], ["twice"]),
    ]
    shape = [1, 1, HOP]
    names = ["less", "twice"][:sounds]
    graph = helper.make_graph(
        nodes[: 4 + sounds],
        "net",
        [helper.make_tensor_value_info(name, FLOAT, shape) for name in ("mic", "ref")],
        [helper.make_tensor_value_info("scores", FLOAT, [1, 3])]
        + [helper.make_tensor_value_info(name, FLOAT, shape) for name in names],
        [
            numpy_helper.from_array(np.array([2]), "time"),
            numpy_helper.from_array(np.full((1, 1), 0.1, np.float32), "quiet"),
        ],
    )
    opset = [helper.make_opsetid("", 21)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=10), path)
    return str(path)


def exported(folder: Path, sounds: int, **options: Any) -> Path:
    layouts = {name: parse_layout("NCT") for name in ("mic", "ref", "less", "twice")[: 2 + sounds]}
    source = network(folder / "net.onnx", sounds)
    given: Any = {"hop": HOP, "sample_rate": RATE, "decide": DECIDE, "layouts": layouts} | options
    api.export(source, "host", folder / "build", **given)
    return folder / "build"


def said() -> NDArray[np.float32]:
    """(samples, 2) of a second: mic is loud at 0.2 s and 0.7 s, ref at 0.45 s, for 50 ms each."""
    sound = 0.01 * np.random.default_rng(0).standard_normal((RATE, 2))
    for channel, start in ((0, 0.2), (1, 0.45), (0, 0.7)):
        first = int(start * RATE)
        sound[first : first + RATE // 20, channel] = 0.6
    return sound.astype(np.float32)


def end(_sound: FakeSound) -> None:
    os.kill(os.getpid(), signal.SIGINT)


def of_files(build: Path, folder: Path) -> list[dict[str, Any]]:
    for index, name in enumerate(("mic", "ref")):
        soundfile.write(folder / f"{name}.wav", said()[:, index], RATE, subtype="FLOAT")
    api.run(build, {n: folder / f"{n}.wav" for n in ("mic", "ref")}, folder / "found.json")
    found: list[dict[str, Any]] = json.loads((folder / "found.json").read_text())["detections"]
    assert [row["label"] for row in found] == ["mic", "ref", "mic"]
    return found


@needs_cc
@pytest.mark.parametrize("sounds", [0, 2])
def test_a_microphone_is_heard_as_a_file_is(
    sounds: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = exported(tmp_path, sounds)
    expected = of_files(build, tmp_path)
    device = FakeSound(said(), end)
    monkeypatch.setitem(sys.modules, "sounddevice", device)
    facts = api.live(build, lambda facts: time.sleep(0.02))
    assert facts.to_dict()["detections"] == tuple(expected)
    assert facts.plays is bool(sounds) and facts.late_samples == 0
    assert device.heard.shape[1] == sounds
    if sounds:
        late = facts.latency_samples
        less = said()[:, 0] - said()[:, 1]
        for channel, expected_sound in enumerate((less, 2 * less)):
            heard = device.heard[late:RATE, channel]
            np.testing.assert_allclose(heard, expected_sound[: RATE - late], atol=1e-6)


@needs_cc
@pytest.mark.parametrize("sounds", [0, 1])
def test_behind_a_device_of_another_rate_the_same_is_detected(
    sounds: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = exported(tmp_path, sounds, device_rate=48_000)
    expected = of_files(build, tmp_path)
    device = FakeSound(np.repeat(said(), 3, axis=0), end, rates=(48_000,))
    monkeypatch.setitem(sys.modules, "sounddevice", device)
    facts = api.live(build, lambda facts: time.sleep(0.02))
    assert [found.label for found in facts.detections] == ["mic", "ref", "mic"]
    for found, row in zip(facts.detections, expected, strict=True):
        assert abs(found.time_s - row["time_s"]) < 0.021  # the filter's 4 ms may be a hop


@needs_cc
@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_the_command_line_prints_each_detection(
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    build = exported(tmp_path, 0)
    expected = of_files(build, tmp_path)
    monkeypatch.setitem(sys.modules, "sounddevice", FakeSound(said(), end))
    monkeypatch.setattr(sys, "argv", ["edgekit", "run", str(build), "--mic", *arguments])
    handler = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as ended:
            cli.main()
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert not ended.value.code
    printed = capsys.readouterr().out
    if arguments:
        assert json.loads(printed)["detections"] == expected
    else:
        lines = [f"{r['time_s']:.3f} s: {r['label']} ({r['score']:.2f})" for r in expected]
        assert [line for line in printed.splitlines() if " s: " in line] == lines


@needs_cc
def test_scores_that_nothing_decides_on_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = exported(tmp_path, 0, decide=None)
    monkeypatch.setitem(sys.modules, "sounddevice", FakeSound(said(), end))
    with pytest.raises(UsageError, match="gives scores"):
        api.live(build, lambda facts: QUIT)
