"""A long filter by the spectra of past blocks."""

import numpy as np
import pytest
from stream_networks import Net, check, delays

from edgekit.base.errors import ModelError
from edgekit.export.hop_runner import run_hops
from edgekit.export.stream.convert import stream
from edgekit.export.stream.sources import onnx_offline


def filtered(net: Net, x: str, response: object) -> str:
    channels = np.shape(response)[0]
    return net.add("PartitionedFIR", x, net.const(response), domain="edgekit", channels=channels)


@pytest.mark.parametrize("right", [0, 1])
def test_it_adds_no_delay(right):
    net = Net()
    response = net.random.normal(size=(2, 70)) / 70
    late = net.conv("x", 2, 2, 3, left=2 - right, right=right)
    models = check(net.model([1, 2, "T"], filtered(net, late, response)), (1, 16), samples=150)
    assert [delays(model) for model in models] == [[right], [right]]


def test_an_impulse_gives_the_response():
    net = Net()
    response = net.random.normal(size=(1, 40)) / 40
    (model,) = check(net.model([1, 1, "T"], filtered(net, "x", response)), (8,), samples=64)
    sound = np.zeros((6, 1, 1, 8), np.float32)
    sound[0, 0, 0, 0] = 1
    (found,) = run_hops(model, {"x": sound}).values()
    np.testing.assert_allclose(found.ravel(), np.pad(response[0], (0, 8)), atol=1e-6)


def test_a_response_that_is_an_input_is_refused():
    net = Net()
    y = net.add("PartitionedFIR", "x", "response", domain="edgekit", channels=2)
    data = net.model([1, 2, "T"], y, more={"response": [2, 5]})
    with pytest.raises(ModelError, match=r"a constant \(channels, taps\)"):
        stream(onnx_offline(data, name="net"))
