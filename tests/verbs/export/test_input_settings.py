"""``--set`` of export, quantize and finetune: the journey with a knob, and what is refused before an import."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import soundfile
from onnx import TensorProto, helper
from stream_networks import Net
from tiny_build import needs_cc

from edgekit import api
from edgekit.base.errors import UsageError
from edgekit.base.npz import read_npz
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.verbs.export import finetune, pipeline
from edgekit.verbs.export.input_settings import clip_problems, input_settings
from edgekit.verbs.export.option_checks import read_options
from edgekit.verbs.export.options import ExportOptions

RATE, HOP = 48_000, 240
SOUND: dict[str, Any] = {"hop": HOP, "sample_rate": RATE}
KNOBS: dict[str, Any] = {
    **SOUND,
    "time_axes": {"x": 2},
    "layouts": {"x": "NCT"},
    "controls": ["drive", "tone"],
}


def network(path: Path) -> str:
    """A stereo amplifier with a drive and a tone that is one of two values."""
    net = Net()
    gain = net.add("Add", net.add("Mul", "drive", net.const(np.array(9))), net.const(np.array(1)))
    y = net.add("Tanh", net.add("Mul", net.conv("x", 2, 8, 9, left=8), gain))
    low, high = (net.cut("tone", n, n + 1, axis=1) for n in (0, 1))
    y = net.add("Add", net.add("Mul", y, low), net.add("Mul", net.conv(y, 8, 8, 1), high))
    y = net.conv(y, 8, 2, 5, left=4)
    shapes: dict[str, list[int | str]] = {
        "x": [1, 2, "T"],
        "drive": [1, 1, 1],
        "tone": [1, 2, 1],
    }
    inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items()]
    output = helper.make_tensor_value_info(y, TensorProto.FLOAT, [None] * 3)
    graph = helper.make_graph(net.nodes, "amp", inputs, [output], net.tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.save(model, path)
    return str(path)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("settings")
    random = np.random.default_rng(0)
    (folder / "clips").mkdir()
    for number, level in enumerate((0.05, 0.2, 0.4, 0.6)):
        samples = level * random.standard_normal((48_000, 2)).clip(-1.5, 1.5)
        soundfile.write(folder / "clips" / f"{number}.wav", samples, RATE)
    network(folder / "amp.onnx")
    return folder


@pytest.mark.slow
@needs_cc
@pytest.mark.parametrize("target", ["host", "cortex-m55"])
def test_a_stereo_amp_with_two_knobs_is_calibrated_on_recordings(
    target: str, place: Path, tmp_path: Path
) -> None:
    """It is verified while the knobs are turned: golden data has both ends of each."""
    settings = {"drive": (0, 1), "tone": "0:1,-1:2"}
    build, source, clips = tmp_path / "build", str(place / "amp.onnx"), str(place / "clips")
    exported = api.export(
        source, target, build, recipe="w8a8", calibration=clips, settings=settings, **KNOBS
    )
    assert sum("is swept over" in note for note in exported.notes) == 2
    golden = read_npz(build / "golden" / "input.npz")
    assert {"x", "drive", "tone"} <= golden.keys()
    assert exported.manifest.verification is not None
    assert exported.manifest.verification["snr_db"] > 20
    for texts in (["drive=0.5", "tone=1"], ["drive=0s:0,0.1s:1", "tone=[1, 2]"]):
        api.run(build, place / "clips" / "0.wav", tmp_path / "out.wav", controls=texts)
        assert soundfile.info(str(tmp_path / "out.wav")).channels == 2


@pytest.mark.slow
@needs_cc
def test_a_range_keeps_more_than_the_middle_of_it(place: Path, tmp_path: Path) -> None:
    """Calibrated with a knob that stands still, integers clip what the knob at its end makes."""
    x = np.concatenate([soundfile.read(str(place / "clips" / "3.wav"))[0].T[:, : 60 * HOP]])
    hops = x.reshape(2, 60, HOP).transpose(1, 0, 2)[:, None].astype(np.float32)
    given = {"x": hops, "drive": np.float32(1) + np.zeros((60, 1, 1, 1), np.float32)}
    given["tone"] = np.broadcast_to(np.float32([[[1], [2]]]), (60, 1, 2, 1)).copy()
    made = {}
    for name, recipe, drive in (
        ("float", "float32", "1"),
        ("swept", "w8a8", "0:1"),
        ("still", "w8a8", "0"),
    ):
        folder = tmp_path / name
        api.export(
            str(place / "amp.onnx"),
            "host",
            folder,
            recipe=recipe,
            calibration=str(place / "clips"),
            settings={"drive": drive, "tone": "1:2" if name == "swept" else "1"},
            **KNOBS,
        )
        made[name] = api_run(folder, given, tmp_path)
    noise = {name: np.mean((made[name] - made["float"]) ** 2) for name in ("swept", "still")}
    assert noise["swept"] < noise["still"] / 4


def api_run(folder: Path, given: dict[str, np.ndarray], place: Path) -> np.ndarray:
    np.savez(place / "in.npz", **given)
    api.run(folder, place / "in.npz", place / "out.npz")
    (out,) = read_npz(place / "out.npz").values()
    return out


@needs_cc
def test_a_float_build_without_clips_is_verified_with_what_is_set(
    place: Path, tmp_path: Path
) -> None:
    settings = {"drive": "0:1", "tone": [2, 3]}
    api.export(str(place / "amp.onnx"), "host", tmp_path / "b", settings=settings, **KNOBS)
    golden = read_npz(tmp_path / "b" / "golden" / "input.npz")
    assert (golden["tone"][:, 0, :, 0] == [2, 3]).all()
    assert golden["drive"].min() >= 0 and golden["drive"].max() <= 1


@pytest.mark.slow
@needs_cc
def test_the_range_of_a_plug_ins_knob_is_swept(place: Path, tmp_path: Path) -> None:
    exported = api.export(
        str(place / "amp.onnx"),
        "host",
        tmp_path / "b",
        recipe="w8a8",
        calibration=str(place / "clips"),
        wrap="clap",
        knobs={"drive": "0:1:0.5", "tone": "0:1:0.5,-1:2:0"},
        **KNOBS,
    )
    assert "calibration: 'tone' is swept over 0:1,-1:2 in every clip" in exported.notes


@pytest.mark.slow
def test_quantize_and_finetune_take_what_is_set(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    streamed = tmp_path / "hop.onnx"
    api.stream(str(place / "amp.onnx"), streamed, **KNOBS)
    settings = {"drive": (0, 1), "tone": 1}
    clips = str(place / "clips")
    notes = api.quantize(str(streamed), "w8a8", clips, tmp_path / "q.onnx", settings=settings)
    assert any("'drive' is swept over 0:1" in note for note in notes)
    with pytest.raises(UsageError, match=r"--set drive=LEAST:MOST --set tone=LEAST:MOST"):
        api.quantize(str(streamed), "w8a8", clips, tmp_path / "q2.onnx")

    class Reached(Exception):
        pass

    def reached(_: Any, calibration: Calibration) -> None:
        assert {(clip["drive"].min(), clip["drive"].max()) for clip in calibration.clips} == {
            (0, 1)
        }
        raise Reached

    monkeypatch.setattr(finetune, "split_calibration", reached)
    with pytest.raises(Reached):
        api.finetune(
            str(place / "amp.onnx"),
            "w8a8",
            clips,
            tmp_path / "t.onnx",
            steps=20,
            settings=settings,
            **KNOBS,
        )


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, r"'0\.wav' and 3 more: holds nothing for input 'drive'.*add --set drive=LEAST:MOST"),
        ({"settings": {"drive": "high"}}, "neither a number"),
        ({"settings": {"drive": (1, 0)}}, "a range from 1 to 0"),
        ({"settings": {"drive": Path("no.npy")}}, "No such file"),
        ({"knobs": {"drive": "1:0"}}, r"--knob 'drive': '1:0'"),
    ],
)
def test_names_and_texts_are_checked_before_the_network_is_imported(
    options: dict[str, Any],
    says: str,
    place: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def late(*_: Any) -> None:
        raise AssertionError("imported")

    monkeypatch.setattr(pipeline, "load_model", late)
    given = {**KNOBS, "calibration": str(place / "clips"), **options}
    with pytest.raises(UsageError, match=says):
        api.export(str(place / "amp.onnx"), "host", tmp_path / "b", recipe="w8a8", **given)


def test_names_that_the_network_lacks_are_refused_before_calibration(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(*_: Any, **__: Any) -> None:
        raise AssertionError("too late")

    monkeypatch.setattr(pipeline, "quantize", late)
    settings = {"drive": 1, "tone": 1, "nosuch": (0, 1)}
    with pytest.raises(UsageError, match="--set nosuch: no such input"):
        api.export(str(place / "amp.onnx"), "host", tmp_path / "b", settings=settings, **KNOBS)


def test_sources_of_calibrations_are_looked_for_before_anything_else(tmp_path: Path) -> None:
    assert (
        clip_problems("net.onnx", "nosuch_module:clips", {})[0].found == "no module 'nosuch_module'"
    )
    assert "does not exist" in clip_problems("net.onnx", "nowhere", {})[0].found
    assert clip_problems("net.onnx", "json:loads", {}) == []
    read = read_options({"settings": {"a": (0, 1)}, "knobs": {"b": "0:2:1"}}, ExportOptions)
    settings = input_settings(read)
    assert (
        read.problems == []
        and settings.settings.keys() == {"a"}
        and settings.ranges.keys() == {"b"}
    )
