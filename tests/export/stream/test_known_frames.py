"""Frames that are known before the stream starts."""

import numpy as np
from stream_networks import Net, check, delays


def test_a_padded_start_that_is_longer_than_the_length_that_was_read_first():
    net = Net()
    y = net.add("Sigmoid", net.conv("x", 2, 2, 8, stride=8))
    y = net.add("Sin", net.conv(net.pad(y, 20, 0), 2, 2, 3, left=4))
    (model, *_) = check(net.model([1, 2, "T"], net.add("CumSum", y, net.const(2, np.int64))))
    assert delays(model) == [0]


def test_repeated_frames_that_follow_from_constants_are_no_zeros():
    """The first frames of the stream are assigned, and a padding repeats them in front."""
    net = Net()
    rows = net.add(
        "Reshape", net.add("Transpose", "x", perm=[2, 0, 1]), net.const([-1, 2], np.int64)
    )
    places = net.const(np.arange(4).reshape(4, 1), np.int64)
    assigned = net.add("ScatterND", rows, places, net.weight(4, 2))
    frames = net.add("Transpose", assigned, perm=[1, 0])
    y = net.add("Unsqueeze", frames, net.const([0], np.int64))
    y = net.add("Pad", y, net.const([0, 0, 2, 0, 0, 0], np.int64), mode="reflect")
    check(net.model([1, 2, "T"], net.conv(y, 2, 2, 3)))


def test_first_frames_that_nobody_reads_need_not_be_known():
    """Of the frames before the first hop, a crop leaves those that follow from constants."""
    net = Net()
    y = net.add("Pad", net.conv("x", 1, 2, 1), net.const([0, 0, 3, 0, 0, 5], np.int64), mode="edge")
    y = net.transposed(net.conv(y, 2, 2, 4, left=1, right=3, stride=2), 2, 2, 2, 3)
    y = net.cut(net.transposed(net.cut(y, 0, -1), 2, 2, 7, 2), 10, -3)
    check(net.model([1, 1, "T"], net.conv(y, 2, 1, 1)), (2, 4))
