"""Operators that work frame by frame: of one value, of several, and mixtures of other axes than time."""

import numpy as np
import pytest
from stream_networks import Net, check, delays, refused

from edgekit.operators.pointwise.functions import POINTWISE


@pytest.mark.rows(10)
@pytest.mark.parametrize("name", sorted(POINTWISE.keys() - {"Swish"}))  # onnxruntime has no Swish
def test_every_function_of_one_value_streams_behind_a_delay(name):
    net = Net()
    late = net.conv("x", 2, 3, 3, left=1, right=1)
    bounded = net.add("Mul", net.add("Tanh", late), net.const(0.4))  # in the domain of all
    y = net.add(name, net.add("Add", bounded, net.const(1.5 if name == "Acosh" else 0.5)))
    (model, *_) = check(net.model([1, 2, "T"], net.conv(y, 3, 2, 2, left=1)))
    assert delays(model) == [1]


@pytest.mark.parametrize("name", ["CastLike", "Max", "Pow", "PRelu", "Sub", "Where"])
def test_operands_of_different_delays_meet(name):
    net = Net()
    late = net.add("Abs", net.conv("x", 2, 2, 4, left=1, right=2))
    choice = [net.add("Greater", "x", net.const(0))] if name == "Where" else []
    y = net.add(name, *choice, late, "x")
    (model, *_) = check(net.model([1, 2, "T"], y))
    assert delays(model) == [2]


def test_channels_last_and_pooling_over_frequency():
    net = Net()
    y = net.add("Transpose", "x", perm=[0, 2, 1])
    y = net.conv(y, 6, 4, 3, left=2)
    y = net.add("Transpose", y, perm=[0, 2, 1])
    y = net.add("ReduceMean", y, net.const([2], np.int64), keepdims=1)
    y = net.add("Mul", net.add("Tile", y, net.const([1, 1, 6], np.int64)), "x")
    (model, *_) = check(net.model([1, "T", 6], y))
    assert delays(model) == [0]


def test_a_norm_over_neighbouring_channels():
    net = Net()
    late = net.add("Conv", "x", net.weight(5, 2, 3, 1), pads=[1, 0, 1, 0])
    (model, *_) = check(net.model([1, 2, "T", 4], net.add("LRN", late, size=3, alpha=0.4)))
    assert delays(model) == [1]
    net = Net()
    found = refused(net, net.add("LRN", "x", size=3), (1, "T", 4, 3))
    assert "a norm over neighbouring channels over all of time" in found


def test_what_mixes_all_of_time_is_refused():
    net = Net()
    y = net.add("InstanceNormalization", "x", net.weight(2), net.weight(2))
    found = refused(net, y)
    assert "a norm over all of time" in found and "LayerNorm" in found
    net = Net()
    assert "softmax over all of time" in refused(net, net.add("Softmax", "x", axis=2))
    net = Net()
    mean = net.add("ReduceMean", "x", net.const([2], np.int64))
    found = refused(net, net.add("Mul", "x", mean))
    assert "a reduction over all of time" in found and "causal window" in found
    assert "mean=window:N puts one there" in found and "max=window:N" not in found
    net = Net()
    y = net.add("Mul", "x", net.add("GlobalAveragePool", "x"))
    assert "pooling over all of time" in refused(net, y)
    net = Net()
    assert "a search over all of time" in refused(
        net, net.add("Cast", net.add("ArgMax", "x", axis=2), to=1)
    )


def test_a_triangle_of_each_frame_or_chunk():
    net = Net()
    late = net.add("Conv", "x", net.weight(5, 2, 3, 1), pads=[1, 0, 1, 0])
    square = net.add("Transpose", late, perm=[0, 2, 1, 3])
    (model, *_) = check(net.model([1, 2, "T", 4], net.add("Trilu", square, upper=0)))
    assert delays(model) == [1]
    net = Net()
    found = refused(net, net.add("Trilu", "x"), (1, "T", 4))
    assert "a triangle over all of time" in found and "causal mask" in found


def test_a_transform_of_each_frame():
    net = Net()
    y = net.add("DFT", "x", "", net.const(2, np.int64), onesided=1)
    (model, *_) = check(net.model([1, "T", 32, 1], y))
    assert delays(model) == [0]
    net = Net()
    y = net.add("DFT", "x", "", net.const(1, np.int64), onesided=1)
    found = refused(net, y, (1, "T", 1))
    assert "a transform over all of time" in found and "as an STFT does" in found
