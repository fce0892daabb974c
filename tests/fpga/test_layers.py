"""Views with each channel once, and functions per channel as layers."""

import numpy as np
from pass_networks import parse

from edgekit.fpga.layers import merge_channels, pointwise_sums
from edgekit.fpga.network import View
from edgekit.fpga.tail import tail_of


def test_weights_of_a_channel_that_is_read_twice_are_added() -> None:
    view = View(("a", "b", "a", "a"), (0, 0, 0, 1), 2, 3, (1, 1, 1, 2))
    weights = np.arange(8, dtype=np.float64).reshape(2, 4, 1, 1)
    merged, sums = merge_channels(view, weights)
    assert merged.sources == [("a", 0, 1), ("b", 0, 1), ("a", 1, 2)]
    assert sums[..., 0, 0].tolist() == [[0 + 2, 1, 3], [4 + 6, 5, 7]]
    assert merge_channels(merged, sums) == (merged, sums)


def test_a_function_per_channel_weighs_the_pixel_itself() -> None:
    factors = np.array([2, 3], np.float32).reshape(2, 1, 1)
    model = parse(
        "(float[1,2,4,4] x) => (float[1,2,4,4] y) { m = Mul (x, c) y = Relu (m) }", c=factors
    )
    tail = tail_of(model.graph.inputs[0], None, set())
    step = pointwise_sums("it", View(("x", "x"), (0, 1), 4, 4), "y", tail)
    assert step.weights[:, 1, 1].tolist() == [2, 3] and np.count_nonzero(step.weights) == 2
    assert (step.path, step.low, step.high) == ("depthwise", 0, np.inf)
