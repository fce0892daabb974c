"""A peer in another process."""

import sys
from pathlib import Path

import numpy as np
import pytest
import tiny_build
from builds import float_model, noise

from edgekit import api
from edgekit.base.environment import VARIABLE
from edgekit.base.errors import ToolError
from edgekit.export.hop_runner import run_hops
from edgekit.peers.contender import WorkerContender
from edgekit.peers.peer import PEERS
from edgekit.peers.program import write_program

FAKE_TRACT = """
import onnxruntime
class Tensor:
    def __init__(self, array): self.array = array
    from_numpy = classmethod(lambda cls, array: cls(array))
    def to_numpy(self): return self.array
class Model:
    def load(self, path):
        self.session = onnxruntime.InferenceSession(path)
        return self
    def into_model(self): return self
    def into_runnable(self): return self
    def run(self, tensors):
        print("a library that prints")
        names = [value.name for value in self.session.get_inputs()]
        given = {name: tensor.array for name, tensor in zip(names, tensors)}
        return [Tensor(array) for array in self.session.run(None, given)]
onnx = Model
"""


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("peers") / "build"
    api.export("zoo:raw", "host", folder)
    return folder


@pytest.fixture
def fake_tract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment whose tract is onnxruntime."""
    root, package = tmp_path / "peers", tmp_path / "site"
    (root / "tract" / "bin").mkdir(parents=True)
    (package / "tract-7.dist-info").mkdir(parents=True)
    (package / "tract-7.dist-info" / "METADATA").write_text("Name: tract\nVersion: 7\n")
    (package / "tract.py").write_text(FAKE_TRACT)
    python = root / "tract" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="$PYTHONPATH:{package}" exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    monkeypatch.setenv(VARIABLE, str(root))
    return root


@pytest.mark.slow
@tiny_build.needs_cc
def test_a_build_is_timed_beside_a_peer_of_another_environment(
    fake_tract: Path, build: Path
) -> None:
    facts = api.bench(build, hops=20, against=["tract"]).to_dict()
    peer = facts["against"]["tract"]
    assert peer["version"] == "7" and peer["snr_db"] > 90 and peer["median_us"] > 0


def test_a_peer_that_refuses_says_why(fake_tract: Path, tmp_path: Path) -> None:
    write_program(float_model("vision"), tmp_path, {})
    (tmp_path / "network.onnx").write_bytes(b"nothing")
    with pytest.raises(ToolError, match=r"tract cannot run the network: .*network.onnx"):
        WorkerContender(PEERS["tract"], tmp_path, "float")


@pytest.mark.parametrize("name", PEERS)
def test_an_installed_peer_computes_the_network(name: str, tmp_path: Path) -> None:
    peer = PEERS[name]
    if not (peer.folder / "bin" / "python").is_file():
        pytest.skip(f"{name} is missing: {peer.install}")
    model = float_model("gru_mask")
    inputs = noise(model, 5)
    write_program(model, tmp_path, {})
    with WorkerContender(peer, tmp_path, "float") as contender:
        found, _ = contender.run(dict(inputs))
    for output, values in run_hops(model, inputs).items():
        np.testing.assert_allclose(found[output], values, atol=1e-4 * np.abs(values).max(), rtol=0)
