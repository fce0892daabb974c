"""A depthwise convolution at one position: its weights in the order of a ring."""

import numpy as np
from one_node import network

from edgekit.targets.c.rewrite.frames import MOST_TAPS, frame_attributes

W = np.arange(12, dtype=np.float32).reshape(3, 1, 4)


def test_weights_are_taps_of_channels() -> None:
    model = network("float[1,3,4] x", "float[1,3,1] y", "y = Conv <group = 3> (x, w)", w=W)
    found = frame_attributes(next(iter(model.ir.graph)), 4)
    assert found is not None and set(found) == {"w"}
    np.testing.assert_array_equal(found["w"].as_tensor().numpy(), W[:, 0].T)


def test_other_convolutions_are_none() -> None:
    dense = network(
        "float[1,3,4] x", "float[1,2,1] y", "y = Conv (x, w)", w=np.ones((2, 3, 4), np.float32)
    )
    assert frame_attributes(next(iter(dense.ir.graph)), 4) is None
    moving = network("float[1,3,6] x", "float[1,3,3] y", "y = Conv <group = 3> (x, w)", w=W)
    assert frame_attributes(next(iter(moving.ir.graph)), 4) is None
    assert frame_attributes(next(iter(moving.ir.graph)), MOST_TAPS + 1) is None
