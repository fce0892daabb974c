"""Session constants: what depends on them alone runs once per session, in every runtime."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from devices import QUICK, on_devices, replayed
from onnx import TensorProto, helper
from session_network import EMBEDDING, HIDDEN, WIDTH, drawn, network
from slices import slow_except
from stream_networks import Net
from tiny_build import needs_cc
from typer.testing import CliRunner

from edgekit import api
from edgekit.base.errors import UsageError
from edgekit.cli import app
from edgekit.export.from_onnx import from_onnx
from edgekit.export.hop_runner import in_onnxruntime
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.stream import Stream

PARAMETERS = HIDDEN * EMBEDDING + HIDDEN + 2 * WIDTH * HIDDEN + 2 * WIDTH
MACS = HIDDEN * EMBEDDING + 2 * WIDTH * HIDDEN


def calibration(folder: Path) -> Path:
    folder.mkdir()
    for seed in range(6):
        clip = np.random.default_rng(seed).standard_normal((1, WIDTH, 300)).astype(np.float32)
        np.savez(folder / f"{seed}.npz", x=clip, **drawn(seed))
    return folder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return network(tmp_path / "film.onnx")


@pytest.mark.slow
@on_devices("cortex-a53")
def test_a_device_replays_a_session(source: Path, tmp_path: Path, target: str) -> None:
    api.export(
        str(source),
        target,
        tmp_path / "build",
        hop=4,
        recipe="w8a8",
        calibration=str(calibration(tmp_path / "clips")),
        session_constants=["speaker", "level"],
    )
    assert replayed(tmp_path / "build", target, *QUICK)[-1] == "PASS"


def test_audio_cannot_calibrate_a_session(source: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(64), 16000)
    with pytest.raises(UsageError, match="holds nothing for input 'speaker'"):
        api.export(
            str(source),
            "host",
            tmp_path / "build",
            hop=4,
            recipe="w8a8",
            calibration=str(tmp_path),
            session_constants=["speaker", "level"],
        )


@needs_cc
@pytest.mark.parametrize(
    "recipe", slow_except(lambda recipe: recipe == "float32", ["float32", "w8a8", "w4a8"])
)
@pytest.mark.parametrize("target", ["host", "onnxruntime"])
def test_a_session_computes_once_what_depends_on_constants_alone(
    source: Path, tmp_path: Path, target: str, recipe: str
) -> None:
    exported = api.export(
        str(source),
        target,
        tmp_path / "build",
        hop=4,
        recipe=recipe,
        calibration=str(calibration(tmp_path / "clips")),
        session_constants=["speaker", "level"],
    )
    manifest = exported.manifest
    assert manifest.session == {"parameters": PARAMETERS, "macs": MACS}
    assert manifest.macs_per_hop == 4 * 2 * WIDTH * WIDTH * 3
    assert [tensor.name for tensor in manifest.constants] == ["level", "speaker"]
    checked = manifest.verification
    assert checked is not None and checked["bit_exact_with_oracle"] in (None, True)
    stream, x = (
        Stream.open(tmp_path / "build"),
        np.random.default_rng(9).standard_normal((1, 4, 37)),
    )
    x = x.astype(np.float32)
    (name,) = (tensor.name for tensor in manifest.stream_outputs)
    running = in_onnxruntime(source.read_bytes())
    outputs = []
    for seed in (4, 5):
        constants = drawn(seed)
        outputs.append(stream.clip({"x": x} | constants)[name])
        again = stream.clip({"x": x})[name]  # from the fresh state, with the same constants
        np.testing.assert_array_equal(again, outputs[-1])
        (whole,) = running({"x": x} | constants).values()
        tolerance = {"float32": 1e-5, "w8a8": 0.05, "w4a8": 0.3}[recipe]
        np.testing.assert_allclose(outputs[-1], whole, atol=tolerance * np.abs(whole).max())
    assert np.abs(outputs[0] - outputs[1]).max() > 0.1


@needs_cc
def test_a_hop_before_the_session_is_refused(source: Path, tmp_path: Path) -> None:
    api.export(str(source), "host", tmp_path / "build", hop=4, session_constants=["speaker"])
    stream = Stream.open(tmp_path / "build")
    hop = {"x": np.ones((1, WIDTH, 4), np.float32), "level": np.ones((1, 1, 1), np.float32)}
    with pytest.raises(
        UsageError, match=r"session constants: not given; allowed: speaker \[1, 6\].*--constants"
    ):
        stream.process(hop)
    with pytest.raises(UsageError, match="input 'level': unknown"):
        stream.session(drawn(0))
    code = (tmp_path / "build" / "film.c").read_text()
    assert re.search(r"if \(ready == 0\) \{\s+return -2;", code)
    golden = np.load(tmp_path / "build" / "golden" / "input.npz")
    assert golden["speaker"].shape == (1, EMBEDDING) and golden["x"].shape == (64, 1, WIDTH, 4)


@needs_cc
def test_constants_from_the_command_line(source: Path, tmp_path: Path) -> None:
    def edgekit(*arguments: object) -> dict[str, Any]:
        result = CliRunner().invoke(app, [*map(str, arguments), "--json"])
        assert result.exit_code == 0, result.output
        facts: dict[str, Any] = json.loads(result.stdout)
        return facts

    hop = tmp_path / "film.hop.onnx"
    given = ("--constant", "speaker", "--constant", "level=0.5")
    facts = edgekit("stream", source, "--hop", 4, *given, "-o", hop)
    assert facts["constants"] == ["speaker"]
    assert from_onnx(hop, name="film").constants == ("speaker",)
    build = tmp_path / "build"
    edgekit("export", hop, "--target", "host", "-o", build)  # the file says its constants
    assert Manifest.load(build).session == {"parameters": PARAMETERS, "macs": MACS}
    shown = CliRunner().invoke(app, ["inspect", str(build)], env={"COLUMNS": "200"}).output
    assert f"{PARAMETERS} parameters, {MACS} MACs, from speaker" in shown
    assert f"{PARAMETERS} parameters, {MACS} MACs" in (build / "report.html").read_text()
    x, speaker = np.ones((5, 1, WIDTH, 4), np.float32), drawn(1)["speaker"]
    np.savez(tmp_path / "x.npz", x=x)
    np.savez(tmp_path / "speaker.npz", speaker=speaker)
    np.savez(tmp_path / "both.npz", x=x, speaker=speaker)
    one, other = tmp_path / "one.npz", tmp_path / "other.npz"
    edgekit("run", build, tmp_path / "x.npz", one, "--constants", tmp_path / "speaker.npz")
    edgekit("run", build, tmp_path / "both.npz", other)
    with np.load(one) as left, np.load(other) as right:
        (name,) = left.files
        np.testing.assert_array_equal(left[name], right[name])


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ["nobody"],
            "--constant nobody: the network has no such input; allowed: level, x, speaker",
        ),
        (["x"], "--constant x: the input has a time axis"),
    ],
)
def test_what_cannot_be_constant_is_said(
    source: Path, tmp_path: Path, names: list[str], message: str
) -> None:
    axes = {"x": 2}
    with pytest.raises(UsageError, match=message):
        api.stream(str(source), tmp_path / "o.onnx", session_constants=names, time_axes=axes)


def test_a_state_is_no_constant_and_something_is_left_to_stream(tmp_path: Path) -> None:
    net = Net()
    net.add("Add", "x", "h")
    path = tmp_path / "net.onnx"
    shapes = {"x": [1, 2], "h": [1, 2]}
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items()]
    out = helper.make_tensor_value_info(net.nodes[-1].output[0], TensorProto.FLOAT, [1, 2])
    graph = helper.make_graph(net.nodes, "net", values, [out], net.tensors)
    opset = helper.make_opsetid("", 21)
    path.write_bytes(
        helper.make_model(graph, opset_imports=[opset], ir_version=10).SerializeToString()
    )
    with pytest.raises(UsageError, match="no input is left that is new in each hop"):
        from_onnx(path, name="net", session=["x", "h"])
    with pytest.raises(UsageError, match="--constant h: a state of the network"):
        from_onnx(path, name="net", session=["h"], states=[("h", net.nodes[-1].output[0])])
