"""Peers beside a build: the plain form of a network, its torch form, and a worker in another process."""

import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import onnx.parser
import pytest
import tiny_build
import torch
from builds import float_model, int8_model, noise
from near import assert_near
from session_network import drawn
from session_network import network as session_network

from edgekit import api
from edgekit.base.environment import VARIABLE
from edgekit.base.errors import ToolError
from edgekit.export.from_onnx import from_onnx
from edgekit.export.hop_runner import run_hops
from edgekit.graph.model import Model
from edgekit.peers.contender import WorkerContender
from edgekit.peers.peer import PEERS
from edgekit.peers.peer_runs import PeerRun, session_values
from edgekit.peers.program import plain_onnx, write_program
from edgekit.peers.workers.network import Network

NETWORKS = (
    "attention",
    "conv_recurrent",
    "gru_mask",
    "lstm_vad",
    "raw",
    "tcn",
    "vision",
)

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


def in_torch(model: Model, folder: Path, hops: int = 6, whole: bool = False) -> tuple[dict, dict]:
    """Outputs of a model in onnxruntime and of its program in torch, (hops, *shape), states carried."""
    write_program(model, folder, {}, whole)
    network, inputs = Network(folder).eval(), noise(model, hops, seed=2)
    states = dict(network.program["states"])
    values = {i["name"]: torch.zeros(i["shape"]) for i in network.program["inputs"]}
    kept: dict[str, list] = {name: [] for name in network.program["outputs"]}
    for hop in range(hops):
        values.update({name: torch.from_numpy(array[hop]) for name, array in inputs.items()})
        with torch.no_grad():
            made = dict(zip(kept, network(*values.values()), strict=True))
        for name, rows in kept.items():
            rows.append(made[name].numpy())
        values.update({name: made[output] for name, output in states.items()})
    return run_hops(model, inputs), {name: np.stack(rows) for name, rows in kept.items()}


LONGEST_SUM = 18  # of products, in POOLS
POOLS = {
    "largest": "y = MaxPool <kernel_shape = [3, 2], strides = [2, 1], pads = [1, 0, 1, 1]> (x)",
    "largest, dilated": "y = MaxPool <kernel_shape = [2, 2], dilations = [2, 3]> (x)",
    "largest, one side": "y = MaxPool <kernel_shape = [3, 3], pads = [0, 2, 1, 0]> (x)",
    "largest, as long": "y = MaxPool <kernel_shape = [2, 3], strides = [2, 2], auto_pad = 'SAME_UPPER'> (x)",
    "largest, lower": "y = MaxPool <kernel_shape = [2, 3], auto_pad = 'SAME_LOWER'> (x)",
    "convolution, as long": "y = Conv <strides = [2, 3], auto_pad = 'SAME_UPPER'> (x, kernel)",
    "convolution, lower": "y = Conv <auto_pad = 'SAME_LOWER'> (x, kernel)",
    "mean": "y = AveragePool <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (x)",
    "mean, with padding": "y = AveragePool <kernel_shape = [2, 3], pads = [0, 1, 1, 2], count_include_pad = 1> (x)",
    "extremes": "a = ReduceMax <keepdims = 0> (x, axes) b = ReduceMin (x, axes) y = Add (a, b)",
    "one largest": "a = GlobalMaxPool (x) b = Mul (a, a) c = Exp (b) y = Reciprocal (c)",
    "equal": "a = Relu (x) b = Equal (a, x) y = Cast <to = 1> (b)",
}


@pytest.mark.parametrize("graph", POOLS.values(), ids=POOLS)
def test_the_torch_form_of_pools_and_reductions_is_the_network(graph: str, tmp_path: Path) -> None:
    weights = ", ".join(map(str, range(18)))
    constants = f"<int64[1] axes = {{2}}, float[1,3,2,3] kernel = {{{weights}}}>"
    text = f'<ir_version: 9, opset_import: ["" : 18]> net (float[1,3,7,8] x) => (float[] y) {constants} {{'
    proto = onnx.parser.parse_model(f"{text}{graph.replace(chr(39), chr(34))}}}")
    expected, found = in_torch(from_onnx(proto.SerializeToString(), name="net"), tmp_path)
    assert_near(found["y"], expected["y"], 2 * LONGEST_SUM)


@pytest.mark.parametrize(
    ("graph", "words"),
    [
        ("AveragePool <kernel_shape = [3, 3], pads = [0, 1, 1, 1]>", "two sizes"),
        ("AveragePool <kernel_shape = [2, 2], dilations = [2, 2]>", "dilated mean"),
    ],
)
def test_pools_without_a_torch_form_say_so(graph: str, words: str, tmp_path: Path) -> None:
    text = '<ir_version: 9, opset_import: ["" : 19]> net (float[1,3,7,8] x) => (float[] y) {'
    proto = onnx.parser.parse_model(f"{text} y = {graph} (x) }}")
    model = from_onnx(proto.SerializeToString(), name="net")
    with pytest.raises(ValueError, match=words):
        in_torch(model, tmp_path)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_torch_form_is_the_network(name: str, tmp_path: Path) -> None:
    expected, found = in_torch(float_model(name), tmp_path)
    for output, values in expected.items():
        peak = np.abs(values).max()
        np.testing.assert_allclose(found[output], values, atol=1e-5 * peak, rtol=0)


def test_quantizers_do_nothing_in_the_torch_form(tmp_path: Path) -> None:
    expected, found = in_torch(int8_model("conv_recurrent"), tmp_path)
    for output, values in expected.items():
        noise_power = np.sum((found[output] - values) ** 2)
        assert 0 < noise_power < np.sum(values**2) / 100  # rounded to int8, not more


@pytest.mark.parametrize("name", ["conv_recurrent", "vision", "gru_mask"])
def test_with_its_quantizers_the_torch_form_has_the_integers_of_the_network(
    name: str, tmp_path: Path
) -> None:
    expected, found = in_torch(int8_model(name), tmp_path, whole=True)
    for output, values in expected.items():
        error = found[output] - values  # a rounding step here and there
        assert np.sum(error**2) < np.sum(values**2) / 1e4


@pytest.mark.parametrize("name", ["conv_recurrent", "vision", "gru_mask"])
def test_onnxruntime_runs_the_integers_of_a_build(name: str) -> None:
    """On CPUs with VNNI, too: there it wants the zero points of weights spelt out."""
    own, plain = int8_model(name), float_model(name)
    inputs = noise(own, 4)
    found, _ = PeerRun(own, plain, inputs).onnxruntime()[0].run(inputs)
    for output, expected in run_hops(own, inputs).items():
        assert np.sum((found[output] - expected) ** 2) < np.sum(expected**2) / 100


def test_an_operator_without_a_torch_form_is_named(tmp_path: Path) -> None:
    write_program(float_model("dual_path"), tmp_path, {})
    with pytest.raises(ValueError, match="without a form in torch: ScatterElements"):
        Network(tmp_path)


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


@tiny_build.needs_cc
def test_a_build_is_timed_beside_a_peer_of_another_environment(
    fake_tract: Path, build: Path
) -> None:
    facts = api.bench(build, hops=20, against=["tract"]).to_dict()
    peer = facts["against"]["tract"]
    assert peer["version"] == "7" and peer["snr_db"] > 90 and peer["median_us"] > 0


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


def test_a_peer_that_refuses_says_why(fake_tract: Path, tmp_path: Path) -> None:
    write_program(float_model("vision"), tmp_path, {})
    (tmp_path / "network.onnx").write_bytes(b"nothing")
    with pytest.raises(ToolError, match=r"tract cannot run the network: .*network.onnx"):
        WorkerContender(PEERS["tract"], tmp_path, "float")


@tiny_build.needs_cc
def test_a_peer_that_is_not_there_is_named_with_its_commands(
    build: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(ToolError, match=r"litert is not installed .*pip install 'litert-torch=="):
        api.bench(build, against=["litert"])


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


def test_peers_get_no_guards() -> None:
    model = float_model("conv_recurrent")
    assert b"Finite" in model.to_bytes() and b"Finite" not in plain_onnx(model)
