"""Which axis is time and which rates inputs have, as files and options tell."""

from fractions import Fraction

import pytest
from stream_networks import Net

from edgekit.base.errors import ModelError
from edgekit.export.stream.convert import stream
from edgekit.export.stream.sources import onnx_offline
from edgekit.export.stream.time_axes import fixed_sizes, told_multiple, told_rates


def test_the_time_axis_is_asked_for_where_the_file_does_not_tell():
    net = Net()
    data = net.model(["B", 2, "T"], net.conv("x", 2, 2, 3, left=2))
    model = stream(onnx_offline(data, name="net"))
    assert model.timing["x"].axis == 2
    assert model.notes == ("input 'x': its open first dimension is taken as a batch of 1",)
    data = net.model([1, "C", "T"], net.conv("x", 2, 2, 3, left=2))
    with pytest.raises(
        ModelError, match=r"2 open dimensions: x \(1, C, T\); .*--time-axis INPUT:AXIS"
    ):
        onnx_offline(data, name="net")
    with pytest.raises(
        ModelError, match=r"its dimension 'C' is open, and is not time; .*--shape x=1,1,1"
    ):
        onnx_offline(data, name="net", time_axes={"x": 2})
    model = stream(
        onnx_offline(data, name="net", time_axes={"x": 2}, shapes={"x": (1, 2, 9)}), hop=2
    )
    assert model.stream.hop_samples == 2
    with pytest.raises(ModelError, match="--time-axis y:2: not an axis of an input"):
        onnx_offline(data, name="net", time_axes={"y": 2})


def test_names_of_derived_dimensions_tell_rates():
    inputs = {"pcm": [1, "64*T"], "frames": [1, "2*T", 3]}
    assert told_rates(inputs, {}) == {"frames": Fraction(1, 32)}
    assert told_multiple(inputs, {}) == 64
    assert told_rates({"pcm": [1, "64*T"], "frames": [1, "F"]}, {}) == {}


def test_the_batch_is_1_and_shapes_are_taken_as_they_are():
    fixed, notes = fixed_sizes({"x": ["B", 2, "T"], "y": ["B", "C"]}, {"x": 2}, {"y": (3, 4)})
    assert fixed == {"x": [1, 2, 1], "y": [3, 4]}
    assert notes == ["input 'x': its open first dimension is taken as a batch of 1"]
