"""The comparison of streams with the offline network."""

import numpy as np
import pytest
from stream_networks import Net

from edgekit.base.errors import VerificationError
from edgekit.export.hop_runner import in_onnxruntime
from edgekit.export.stream.convert import analyse, rewrite
from edgekit.export.stream.prove import prove, run_stream
from edgekit.export.stream.sources import onnx_offline


def source(scale: float = 1.0):
    net = Net()
    y = net.add("Mul", net.conv("x", 1, 1, 3, left=1, right=1), net.const(scale))
    return onnx_offline(net.model([1, 1, "T"], y), name="net")


def test_an_equal_stream_is_proven():
    analysis = analyse(source())
    models = {hop: rewrite(analysis, hop) for hop in (1, 5)}
    assert prove(source(), models, 1, 40) < 1e-6


def test_another_network_is_no_proof():
    analysis = analyse(source(1.001))
    with pytest.raises(VerificationError, match="streamed by 2 samples it"):
        prove(source(), {2: rewrite(analysis, 2)}, 1, 40)


def test_the_frames_of_a_recording_come_back_without_their_delay():
    model = rewrite(analyse(source()), 2)
    x = np.random.default_rng(0).normal(size=(1, 1, 7)).astype(np.float32)
    (expected,) = in_onnxruntime(source().at(7).to_bytes())({"x": x}).values()
    (found,) = run_stream(model, {"x": x}, 7).values()
    np.testing.assert_allclose(found, expected, atol=1e-6)
