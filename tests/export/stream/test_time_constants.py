"""Constants along time: patterns that return, envelopes, angles by Einsum, the whole of a slice."""

import numpy as np
import pytest
from stream_networks import Net, check, delays, refused

from edgekit.base.errors import ModelError
from edgekit.export.stream.convert import stream
from edgekit.export.stream.sources import onnx_offline


def turned(equation: str) -> bytes:
    """Gains by the cosines of angles, the last T of them, of (1, T, 4)."""
    net = Net()
    frames = net.add("Gather", net.add("Shape", "x"), net.const(1, np.int64))
    count = net.add("Range", net.const(0, np.int64), frames, net.const(1, np.int64))
    place = net.add("Unsqueeze", net.add("Cast", count, to=1), net.const([0], np.int64))
    angles = net.add("Einsum", place, net.const([1.0, 0.31, 0.01, 0.0037]), equation=equation)
    start = net.add("Neg", net.add("Unsqueeze", frames, net.const([0], np.int64)))
    end, axis = net.const([2**60], np.int64), net.const([1], np.int64)
    last = net.add("Slice", angles, start, end, axis)
    return net.model([1, "T", 4], net.add("Mul", "x", net.add("Cos", last)))


def test_rotary_angles_by_einsum():
    (model, *_) = check(turned("bi,j->bij"), (1, 2, 5))
    assert model.streaming.outputs[0].delay_samples == 0


def test_an_einsum_with_dots_is_not_read():
    with pytest.raises(ModelError, match="follows the length of the input"):
        stream(onnx_offline(turned("...i,j->...ij"), name="net"))


def test_a_number_that_follows_the_length_is_refused():
    net = Net()
    count = net.add("Cast", net.add("Shape", "x", start=2), to=1)
    found = refused(net, net.add("Div", "x", count))
    assert found.startswith("Div ") and "follows the length" in found


@pytest.mark.rows(3)
@pytest.mark.parametrize("start", [0, 3, 4, 9])
@pytest.mark.parametrize("late", [0, 2])
def test_a_constant_that_returns_with_the_hop_after_a_start_of_its_own(start, late):
    """As the envelope of overlapping windows, whose computation is not one of frames."""
    net = Net()
    down = net.add("Tanh", net.conv("x", 2, 2, 4, stride=4))
    y = net.transposed(net.conv(down, 2, 2, 1 + late, right=late), 2, 2, 4, 4)
    frames = net.add("Squeeze", net.add("Shape", "x", start=2), net.const([0], np.int64))
    places = net.add("Range", net.const(0, np.int64), frames, net.const(1, np.int64))
    row = net.add(
        "Where",
        net.add("Less", places, net.const(start, np.int64)),
        net.add("Add", places, net.const(4, np.int64)),
        net.add("Mod", places, net.const(4, np.int64)),
    )
    table = net.add("Gather", net.const(np.linspace(0.5, 1.5, 13)), row)
    shape = net.add("Concat", net.const([1, 1], np.int64), net.add("Shape", "x", start=2), axis=0)
    ones = net.add("Conv", net.add("Reshape", table, shape), net.const(np.ones((1, 1, 1))))
    (model, *_) = check(net.model([1, 2, "T"], net.add("Div", y, ones)), (1, 2, 3))
    assert delays(model) == [4 * late]


@pytest.mark.parametrize(("size", "hop", "delay"), [(16, 4, 12), (12, 4, 10), (16, 8, 8)])
def test_an_envelope_of_windows_whose_last_frames_are_read(size, hop, delay):
    """As torch.istft divides by it: at both ends fewer windows overlap."""
    net, taper, half = Net(), np.hanning(size + 1)[:-1] ** 2, size // 2
    padded = net.pad("x", half, half)
    frames = net.add("Conv", padded, net.weight(6, 1, size), strides=[hop])
    sound = net.add("ConvTranspose", frames, net.weight(6, 1, size), strides=[hop])
    count = net.add("Shape", frames, start=2)
    shape = net.add("Concat", net.const([1, size], np.int64), count, axis=0)
    tapers = net.add("Expand", net.const(taper.reshape(1, size, 1)), shape)
    envelope = net.add("ConvTranspose", tapers, net.const(np.eye(size)[:, None]), strides=[hop])
    y = net.add("Div", net.cut(sound, half, -half), net.cut(envelope, half, -half))
    (model, *_) = check(net.model([1, 1, "T"], y), samples=97)
    assert delays(model) == [delay]


def test_masks_of_the_last_frames():
    """As an assignment to all frames but the last ones leaves it."""
    net = Net()
    frames = net.add("Squeeze", net.add("Shape", "x", start=2), net.const([0], np.int64))
    places = net.add("Range", net.const(0, np.int64), frames, net.const(1, np.int64))
    inner = net.add("Less", places, net.add("Sub", frames, net.const(3, np.int64)))
    y = net.conv("x", 2, 2, 4, right=3)
    (model, *_) = check(net.model([1, 2, "T"], net.add("Where", inner, y, net.add("Neg", y))))
    assert delays(model) == [3]


@pytest.mark.parametrize("limit", [7, 500])
def test_a_count_stops_at_a_limit_beyond_the_frames_that_were_read(limit):
    net = Net()
    frames = net.add("Squeeze", net.add("Shape", "x", start=2), net.const([0], np.int64))
    places = net.add("Range", net.const(0, np.int64), frames, net.const(1, np.int64))
    stops = net.add("Cast", net.add("Min", places, net.const(limit, np.int64)), to=1)
    y = net.add("Add", "x", net.add("Mul", stops, net.const(0.01)))
    check(net.model([1, 2, "T"], y), (1, 3), samples=600)


def test_a_count_after_first_frames_of_its_own():
    """As positions with padding in front have it: the count goes on beyond the frames that were read."""
    net = Net()
    frames = net.add("Squeeze", net.add("Shape", "x", start=2), net.const([0], np.int64))
    places = net.add("Range", net.const(0, np.int64), frames, net.const(1, np.int64))
    padded = net.add("Concat", net.const([-9, -9], np.int64), places, axis=0)
    inner = net.add("Slice", padded, net.const([0], np.int64), net.const([-2], np.int64))
    count = net.add("Cast", inner, to=1)
    y = net.add("Add", "x", net.add("Mul", count, net.const(0.01)))
    check(net.model([1, 2, "T"], y), (1, 3), samples=600)
