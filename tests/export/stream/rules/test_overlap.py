"""Frames that are laid over each other along time."""

import numpy as np
import pytest
from stream_networks import Net, check, delays, refused


@pytest.mark.parametrize(("size", "crop"), [(8, 0), (10, 1), (3, 0)])
def test_overlap_add_of_frames(size, crop):
    net = Net()
    frames = net.conv("x", 1, 2 * size, 4, stride=4)
    samples = net.add("Shape", "x", start=2)
    length = net.add("Add", samples, net.const([size - 4 - crop], np.int64))
    image = net.add("Concat", net.const([1], np.int64), length, axis=0)
    y = net.add(
        "Col2Im",
        frames,
        image,
        net.const([1, size], np.int64),
        strides=[1, 4],
        pads=[0, crop, 0, 0],
        dilations=[1, 1],
    )
    (model, *_) = check(net.model([1, 1, "T"], y, rank=4))
    assert delays(model) == [crop]


def test_blocks_of_several_axes_are_refused():
    net = Net()
    frames = net.conv("x", 2, 4, 1)
    length = net.add("Add", net.add("Shape", "x", start=2), net.const([1], np.int64))
    image = net.add("Concat", net.const([2], np.int64), length, axis=0)
    y = net.add("Col2Im", frames, image, net.const([2, 2], np.int64))
    assert "blocks of several axes" in refused(net, y, rank=4)
