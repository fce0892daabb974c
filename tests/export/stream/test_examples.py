"""Example inputs, cut into hops, held and repeated."""

from fractions import Fraction

import numpy as np
from stream_networks import Net

from edgekit.export.stream.convert import stream
from edgekit.export.stream.examples import cut, hold, input_of_each_hop, repeat_along_time
from edgekit.export.stream.sources import onnx_offline


def test_whole_hops_of_every_input():
    net = Net()
    y = net.add("Mul", "x", "knob")
    data = net.model([1, 2, "T"], y, more={"knob": [1, 1, 1]})
    model = stream(onnx_offline(data, name="net"), hop=4)
    x, knob = np.arange(22, dtype=np.float32).reshape(1, 2, 11), np.ones((1, 1, 1), np.float32)
    found = cut({"x": x, "knob": knob}, model)
    assert found is not None
    np.testing.assert_array_equal(found["x"], [x[:, :, :4], x[:, :, 4:8]])
    assert found["knob"].shape == (2, 1, 1, 1)
    assert cut({"x": x[:, :, :3], "knob": knob}, model) is None


def test_a_longer_array_gives_the_frame_in_which_each_hop_begins():
    frames = np.arange(6.0).reshape(1, 6)
    found = input_of_each_hop(frames, (1, 1), Fraction(1, 4), 5)
    assert found.ravel().tolist() == [0, 1, 3, 4, 5]


def test_the_first_of_every_few_frames_holds():
    assert hold(np.arange(7), 0, 3).tolist() == [0, 0, 0, 3, 3, 3, 6]


def test_an_input_is_repeated_along_time_alone():
    assert repeat_along_time(np.array([[1, 2, 3]]), 1, 5).tolist() == [[1, 2, 3, 1, 2]]
    assert repeat_along_time(np.array([[1, 2, 3]]), None, 5).tolist() == [[1, 2, 3]]
