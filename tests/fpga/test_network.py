"""What an integer network says of itself: sizes, work, and the accumulators that it needs."""

from dataclasses import replace

import numpy as np
import pytest

from edgekit.fpga.network import Layer, Network, StoredTensor, View
from edgekit.operators.scheme import QuantType

KIND = QuantType("int8", 1.0, 0)


def layer(path: str, weights: np.ndarray, stride: int = 1, bias: int = 0) -> Layer:
    """A layer of 3 channels of 5x7 pixels."""
    count = len(weights)
    x = View(("x",) * 3, (0, 1, 2), 5, 7)
    scaling = np.full(count, 1 << 15, np.int64), np.full(count, 20, np.int64)
    bias_row = np.full(count, bias, np.int32)
    return Layer(
        "it", path, x, "y", weights.astype(np.int8), bias_row, *scaling, 0, 0, -128, 127, stride
    )  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("path", "shape", "stride", "macs"),
    [
        ("dense", (4, 3, 1, 1), 1, 35 * 12),
        ("dense", (4, 3, 3, 3), 2, 12 * 108),
        ("depthwise", (3, 3, 3), 2, 12 * 27),
        ("pool", (3, 2, 2), 2, 0),
    ],
)
def test_work_is_weights_times_pixels(path: str, shape, stride: int, macs: int) -> None:
    found = layer(path, np.ones(shape), stride)
    assert (found.macs, found.out_channels, found.kernel) == (macs, shape[0], shape[-1])


@pytest.mark.parametrize(
    ("weights", "bias"), [([[1, -1, 0]], 0), ([[127, -128, 3]], 5), ([[0, 0, 0]], 300)]
)
def test_no_input_overflows_the_accumulator(weights, bias: int) -> None:
    found = layer("dense", np.array(weights).reshape(1, 3, 1, 1), bias=bias)
    x = np.where(
        found.weights < 0, -128, 128
    )  # one more than int8 has, as the bias holds the zero point
    largest = int((x * found.weights.astype(int)).sum()) + bias
    assert largest < 1 << (found.accumulator_bits - 1)
    assert largest >= 1 << (found.accumulator_bits - 2)


def test_weights_count_at_their_width_and_pools_have_none() -> None:
    layers = (layer("dense", np.ones((4, 3, 1, 1))), layer("pool", np.ones((3, 2, 2)), 2))
    tensors = {name: StoredTensor(name, 3, 5, 7, KIND) for name in ("x", "y")}
    network = Network(tensors, layers, {"x": "x"}, {"y": View(("y",), (0,), 5, 7)}, 4)
    assert network.weights_bytes == 6 + 4 * (4 + 2 + 1)
    assert replace(network, weight_bits=8).weights_bytes == 12 + 4 * 7
    assert network.macs == 35 * 12 and network.from_cpu == () and len(network.leaving) == 1


def test_a_view_repeats_pixels_only_where_it_says_so() -> None:
    view = View(("a", "b"), (1, 0), 4, 6)
    assert view.factors == (1, 1) and view.shape == (2, 4, 6)
    assert replace(view, upsample=(1, 2)).sources == [("a", 1, 1), ("b", 0, 2)]
