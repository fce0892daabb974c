"""Assignments of a stream to frames of itself: selections by a constant mask, and the least delay."""

import numpy as np
import pytest
from stream_networks import Net, check, delays, least_delay

from edgekit.export.stream.recording_end import RecordingEnd


def assigned(net: Net, x: str, count: int) -> str:
    """Add y = x; y[:, :, count:] = x[:, :, :-count] as a selection, and return y."""
    frames = net.add("Squeeze", net.add("Shape", x, start=2), net.const([0], np.int64))
    step = net.const(1, np.int64)
    places = net.add("Range", net.const(0, np.int64), frames, step)
    mask = net.add("Less", places, net.const(count, np.int64))
    return net.add("Where", mask, x, net.cut(net.pad(x, count, 0), 0, -count))


def scattered(net: Net, x: str, count: int) -> str:
    """Add the same as `assigned`, as torch exports it: frames are rows, and their numbers are constants."""
    frames = net.add("Squeeze", net.add("Shape", x, start=2), net.const([0], np.int64))
    first, axis = net.const(count, np.int64), net.const([0], np.int64)
    rows = net.add("Reshape", net.add("Transpose", x, perm=[2, 0, 1]), net.const([-1, 2], np.int64))
    end = net.add("Unsqueeze", net.add("Sub", frames, first), axis)
    earlier = net.add("Slice", rows, axis, end, axis)
    places = net.add("Range", first, frames, net.const(1, np.int64))
    places = net.add("Unsqueeze", places, net.const([1], np.int64))
    rows = net.add("ScatterND", rows, places, earlier)
    return net.add("Unsqueeze", net.add("Transpose", rows, perm=[1, 0]), axis)


def ahead(net: Net) -> str:
    """What reads three frames ahead waits for none of them."""
    return net.conv(scattered(net, net.conv("x", 2, 2, 2, right=1), 3), 2, 2, 4, right=3)


def twice(net: Net) -> str:
    """Assigned twice, the first frames are those of the first assignment."""
    y = assigned(net, net.conv("x", 2, 2, 2, right=1), 3)
    return net.conv(assigned(net, y, 1), 2, 2, 5, right=4)


def with_positions(net: Net) -> str:
    """A table of positions goes with frames that are held again, as reshapes and products do."""
    y = assigned(net, net.conv("x", 2, 2, 3, right=2), 2)
    frames = net.add("Squeeze", net.add("Shape", y, start=2), net.const([0], np.int64))
    places = net.add("Range", net.const(0, np.int64), frames, net.const(1, np.int64))
    y = net.add("Add", y, net.add("Gather", net.weight(2, 400), places, axis=1))
    rows = net.add("Transpose", y, perm=[2, 0, 1])
    rows = net.add("Reshape", rows, net.const([-1, 2], np.int64))
    rows = net.add("MatMul", rows, net.weight(2, 2))
    y = net.add("Unsqueeze", net.add("Transpose", rows, perm=[1, 0]), net.const([0], np.int64))
    one = net.add("Split", y, outputs=2, axis=1, num_outputs=2)
    return net.conv(net.add("Concat", f"{one}1", one, axis=1), 2, 2, 3, right=2)


def of_a_padded_one(net: Net) -> str:
    """The first frames come from a padding that repeats frames to come."""
    y = net.add("Pad", "x", net.const([0, 0, 2, 0, 0, 0], np.int64), mode="reflect")
    return net.conv(assigned(net, y, 4), 2, 2, 5, right=2)


@pytest.mark.rows(2)
@pytest.mark.parametrize("network", [ahead, twice, with_positions, of_a_padded_one])
def test_an_assignment_onto_later_frames_adds_no_delay(network):
    net = Net()
    data = net.model([1, 2, "T"], network(net))
    for model in check(data, hops=(1, 2, 5), end=RecordingEnd(400)):
        hop = model.stream.hop_samples
        assert delays(model) == [least_delay(data, hop, 60, channels=2, least=1)]


def test_an_assignment_behind_a_long_delay():
    """The first frames come 90 hops after the first sample; no row of a table is spent on the hops before."""
    net = Net()
    y = scattered(net, net.conv("x", 2, 2, 2, dilation=90, right=90), 3)
    (model, *_) = check(net.model([1, 2, "T"], y), samples=200)
    assert delays(model) == [90]
