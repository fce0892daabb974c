"""The two lengths at which a network is read."""

import pytest
from stream_networks import Net

from edgekit.export.stream.lengths import two_lengths
from edgekit.export.stream.sources import onnx_offline


@pytest.mark.parametrize(("stride", "expected"), [(1, (24, 48)), (3, (72, 141)), (5, (120, 235))])
def test_frames_enough_of_the_slowest_tensor_and_no_common_multiple(stride, expected):
    net = Net()
    data = net.model([1, 2, "T"], net.conv("x", 2, 2, stride, stride=stride))
    short, long, samples = two_lengths(onnx_offline(data, name="net"))
    assert samples == expected
    assert [model.graph.inputs[0].shape[2] for model in (short, long)] == list(samples)


def test_so_many_times_the_least():
    net = Net()
    offline = onnx_offline(net.model([1, 2, "T"], net.conv("x", 2, 2, 1)), name="net")
    assert two_lengths(offline, 10)[2] == (240, 480)
