"""What runs beside a build: onnxruntime, and a peer with what a session computed."""

import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from builds import float_model, int8_model, noise
from session_network import drawn
from session_network import network as session_network

from edgekit import api
from edgekit.base.environment import VARIABLE
from edgekit.export.hop_runner import run_hops
from edgekit.graph.model import Model
from edgekit.peers.peer_runs import PeerRun, session_values

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


@pytest.mark.parametrize("name", ["conv_recurrent", "vision", "gru_mask"])
def test_onnxruntime_runs_the_integers_of_a_build(name: str) -> None:
    """On CPUs with VNNI, too: there it wants the zero points of weights spelt out."""
    own, plain = int8_model(name), float_model(name)
    inputs = noise(own, 4)
    found, _ = PeerRun(own, plain, inputs).onnxruntime()[0].run(inputs)
    for output, expected in run_hops(own, inputs).items():
        assert np.sum((found[output] - expected) ** 2) < np.sum(expected**2) / 100


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


def test_what_a_session_computes_is_handed_to_the_peer(fake_tract: Path, tmp_path: Path) -> None:
    api.stream(
        str(session_network(tmp_path / "net.onnx")),
        tmp_path / "hop.onnx",
        hop=2,
        session_constants=["speaker", "level"],
    )
    model = Model.from_bytes((tmp_path / "hop.onnx").read_bytes())
    inputs = {**noise(model, 5), **drawn(1)}
    hop, kept = session_values(model, inputs)
    assert kept and "speaker" not in {value.name for value in hop.ir.graph.inputs}
    with ExitStack() as stack:
        contender, _ = PeerRun(model, model, inputs, tmp_path / "cache").worker(
            "tract", "float", stack
        )
        found, times_us = contender.run(inputs)
        assert len(times_us) == 5
        assert len(list((tmp_path / "cache" / "tract").iterdir())) == 1
    for name, expected in run_hops(model, inputs).items():
        np.testing.assert_allclose(found[name], expected, atol=1e-5)
