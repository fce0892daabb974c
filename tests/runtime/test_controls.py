"""Controls: turned while the stream runs, equal to the offline network with a sequence of values."""

import numpy as np
import pytest
from onnx import TensorProto, helper
from stream_networks import Net

from edgekit import api
from edgekit.base.errors import UsageError
from edgekit.base.settings import read_settings
from edgekit.export.hop_runner import in_onnxruntime
from edgekit.graph.model import OPSET
from edgekit.runtime.build_folder.manifest import Tensor
from edgekit.runtime.controls import Controls, in_hops
from edgekit.runtime.stream import Stream

HOP = 16
KNOB = Tensor("knob", (1, 2, 1), "float32", "control")


def network(time: int | str) -> bytes:
    """A convolution that remembers, a gain and a bias that a knob makes, and a recurrent layer."""
    net = Net()
    film = net.conv("knob", 2, 8, 1)
    gain, bias = net.cut(film, 0, 4, axis=1), net.cut(film, 4, 8, axis=1)
    y = net.add("Tanh", net.conv("x", 1, 4, 5, left=4))
    y = net.recurrent(net.add("Add", net.add("Mul", y, gain), bias), 4)
    y = net.conv(y, 4, 1, 3, left=2)
    shapes: dict[str, list[int | str]] = {"x": [1, 1, "T"], "knob": [1, 2, time]}
    inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items()]
    output = helper.make_tensor_value_info(y, TensorProto.FLOAT, [None] * 3)
    graph = helper.make_graph(net.nodes, "net", inputs, [output], net.tensors)
    opset = helper.make_opsetid("", OPSET)
    return helper.make_model(graph, opset_imports=[opset], ir_version=10).SerializeToString()


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Stream:
    folder = tmp_path_factory.mktemp("knob")
    (folder / "net.onnx").write_bytes(network(1))
    build = folder / "build"
    api.export(
        str(folder / "net.onnx"), "host", build, hop=HOP, controls=["knob"], sample_rate=16000
    )
    return Stream.open(build)


def test_a_knob_turned_in_flight_is_the_offline_network_with_a_sequence(stream: Stream) -> None:
    """The knob has no time axis in the build; the network that knows it as a sequence is the reference."""
    random = np.random.default_rng(0)
    x = random.normal(size=(1, 1, 10 * HOP)).astype(np.float32)
    knob = random.normal(size=(10, 1, 2, 1)).astype(np.float32)
    knob[1:4] = knob[0]
    whole = in_onnxruntime(network("T"))(
        {"x": x, "knob": np.repeat(knob[:, 0, :, 0].T, HOP, 1)[None]}
    )
    (expected,) = whole.values()
    (found,) = stream.clip({"x": x, "knob": knob}).values()
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert {tensor.role for tensor in stream.manifest.inputs} == {"stream", "control", "state"}
    held = []
    stream.reset()
    for hop in range(10):
        if hop == 0 or hop > 3:
            stream.turn({"knob": knob[hop]})
        held += stream.process({"x": x[:, :, hop * HOP :][:, :, :HOP]}).values()
    np.testing.assert_array_equal(np.concatenate(held, 2), found)


def test_a_turn_leaves_the_states_as_they_are(stream: Stream) -> None:
    x = np.random.default_rng(1).normal(size=(1, 1, 8 * HOP)).astype(np.float32)
    stream.turn({"knob": 0.5})
    (still,) = stream.clip({"x": x}).values()
    stream.reset()
    outputs = []
    for hop in range(8):
        stream.turn({"knob": np.full((1, 2, 1), 0.5, np.float32)})
        outputs += stream.push({"x": x[:, :, hop * HOP :][:, :, :HOP]}).values()
    np.testing.assert_array_equal(np.concatenate(outputs, 2), still)


def test_a_control_that_was_never_turned_is_asked_for() -> None:
    controls = Controls([KNOB])
    with pytest.raises(
        UsageError, match=r"control 'knob': not set; .*\[1, 2, 1\]; .*--set knob=VALUE"
    ):
        controls.next()
    with pytest.raises(UsageError, match="control 'nob': unknown"):
        controls.turn({"nob": 1.0})
    with pytest.raises(UsageError, match=r"float64 \[3\]; allowed: a number, \[1, 2, 1\]"):
        controls.turn({"knob": np.zeros(3)})


def test_a_sequence_begins_anew_and_its_last_value_holds() -> None:
    controls = Controls([KNOB])
    controls.turn({"knob": np.arange(4.0).reshape(2, 1, 2, 1)})
    seen = [controls.next()["knob"].ravel().tolist() for _ in range(3)]
    assert seen == [[0, 1], [2, 3], [2, 3]]
    controls.restart()
    assert controls.next()["knob"].ravel().tolist() == [0, 1]


def test_values_by_time_stand_from_the_hop_in_which_their_time_lies(stream: Stream) -> None:
    settings = read_settings(["knob=0s:0.25,0.0025s:[0.5, 0.75],0.004s:1"])
    values = in_hops(settings, stream.manifest)["knob"]  # a hop is 1 ms
    assert values.shape == (5, 1, 2, 1)
    assert values[..., 0, 0].ravel().tolist() == [0.25, 0.25, 0.5, 0.5, 1]
    assert in_hops(read_settings(["knob=0.3"]), stream.manifest)["knob"].shape == (1, 1, 2, 1)


@pytest.mark.parametrize(
    "text", ["knob", "=1", "knob=", "knob=x", "knob=1s:2", "knob=0s:1,0s:2", "knob=NaN", "knob=[]x"]
)
def test_what_is_no_value_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"--set knob=0\.3, or"):
        read_settings([text])
