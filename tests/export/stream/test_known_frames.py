"""Frames that are known before the stream starts."""

import numpy as np
from stream_networks import Net, check, delays


def test_a_padded_start_that_is_longer_than_the_length_that_was_read_first():
    net = Net()
    y = net.add("Sigmoid", net.conv("x", 2, 2, 8, stride=8))
    y = net.add("Sin", net.conv(net.pad(y, 20, 0), 2, 2, 3, left=4))
    (model, *_) = check(net.model([1, 2, "T"], net.add("CumSum", y, net.const(2, np.int64))))
    assert delays(model) == [0]
