"""Target executorch: what it refuses, and where its environment is, networks in ExecuTorch's own runtime."""

import json
from pathlib import Path

import numpy as np
import onnx.parser
import pytest
import tiny_build
from session_network import WIDTH, drawn, network

from edgekit import api
from edgekit.base.environment import EXECUTORCH, VARIABLE
from edgekit.base.errors import ModelError, ToolError, UsageError
from edgekit.runtime.build_folder.manifest import Tensor
from edgekit.runtime.runners import executorch
from edgekit.runtime.stream import Stream

needs_executorch = pytest.mark.skipif(
    not EXECUTORCH.is_here, reason=f"needs executorch: {EXECUTORCH.install}"
)
PORTS = {
    "states": [["h", "h_next"]],
    "model.pte": {
        "inputs": [["x", [1, 2], "float32"], ["h", [1, 3], "float32"]],
        "outputs": [["y", [1, 2], "float32"], ["h_next", [1, 3], "float32"]],
    },
}


def test_a_missing_environment_is_told_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "none"))
    with pytest.raises(ToolError, match=r"executorch is not installed in .*; python3 -m venv"):
        api.export("zoo:raw", "executorch", tmp_path / "build")


@pytest.mark.slow
@needs_executorch
@pytest.mark.parametrize(("recipe", "least"), [("float32", 100.0), ("w8a8", 15.0)])
def test_a_network_runs_in_executorch_as_its_source(
    recipe: str, least: float, tmp_path: Path
) -> None:
    exported = api.export("zoo:conv_recurrent", "executorch", tmp_path / "build", recipe=recipe)
    checked = exported.manifest.verification
    assert checked is not None and checked["by"] == "ExecuTorch's runtime"
    assert checked["snr_db"] >= least and checked["hops"] > 4
    stream, golden = Stream.open(tmp_path / "build"), tmp_path / "build" / "golden"
    inputs, expected = (dict(np.load(golden / f"{n}.npz")) for n in ("input", "output"))
    for _ in range(2):
        for name, array in stream.run(inputs).items():
            np.testing.assert_array_equal(array, expected[name])
        stream.reset()


@pytest.mark.slow
@needs_executorch
def test_states_that_were_packed_are_apart(tmp_path: Path) -> None:
    checked = api.export("zoo:dual_path", "executorch", tmp_path / "build").manifest.verification
    assert checked is not None and checked["snr_db"] >= 90


@pytest.mark.slow
@needs_executorch
def test_session_constants_are_computed_once(tmp_path: Path) -> None:
    source = str(network(tmp_path / "net.onnx"))
    given = ["speaker", "level"]
    api.export(source, "executorch", tmp_path / "build", hop=4, session_constants=given)
    assert (tmp_path / "build" / "session.pte").is_file()
    api.export(source, "onnxruntime", tmp_path / "other", hop=4, session_constants=given)
    x = np.random.default_rng(5).standard_normal((9, 1, WIDTH, 4)).astype(np.float32)
    inputs = {"x": x, **drawn(3)}
    made, other = (Stream.open(tmp_path / name).run(inputs) for name in ("build", "other"))
    for name, array in other.items():
        np.testing.assert_allclose(made[name], array, atol=1e-5 * np.abs(array).max(), rtol=0)


@pytest.mark.slow
@needs_executorch
def test_what_executorch_does_not_take_is_named(tmp_path: Path) -> None:
    text = '<ir_version: 10, opset_import: ["": 21]> net (float[1, 4] x) => (float[1, 4] y) { y = Floor(x) }'
    (tmp_path / "net.onnx").write_bytes(onnx.parser.parse_model(text).SerializeToString())
    with pytest.raises(ModelError, match="without a form in torch: Floor"):
        api.export(str(tmp_path / "net.onnx"), "executorch", tmp_path / "build")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"states": [["h"]]}, "ports.json: not enough values"),
        ({"states": [["z", "h_next"]]}, "states are"),
        ({"model.pte": {"inputs": [], "outputs": []}}, "inputs are"),
    ],
)
def test_ports_that_do_not_fit_are_refused(
    change: dict[str, object], words: str, tmp_path: Path
) -> None:
    sides = {
        side: tuple(
            Tensor(name, (1, size), "float32", "state" if name[0] == "h" else "stream")
            for name, size in rows.items()
        )
        for side, rows in (("inputs", {"x": 2, "h": 3}), ("outputs", {"y": 2, "h_next": 3}))
    }
    manifest = tiny_build.manifest(**sides)
    (tmp_path / "ports.json").write_text(json.dumps(PORTS))
    assert executorch._ports(tmp_path, manifest)[1] == {"h": "h_next"}
    (tmp_path / "ports.json").write_text(json.dumps({**PORTS, **change}))
    with pytest.raises(UsageError, match=words):
        executorch._ports(tmp_path, manifest)
