"""Convolutions and pooling along time: windows, paddings, planes."""

import numpy as np
import pytest
from stream_networks import Net, check, delays, least_delay, refused

from edgekit.verbs.targets import TARGETS


@pytest.mark.parametrize("time", [2, 3])
def test_convolutions_over_frequency_and_time(time):
    net = Net()
    shape = [1, 2, "T", 6] if time == 2 else [1, 2, 6, "T"]
    pads = [2, 1, 1, 1] if time == 2 else [1, 2, 1, 1]  # before both axes, behind both
    weight = net.weight(3, 2, 4, 3) if time == 2 else net.weight(3, 2, 3, 4)
    y = net.add("Conv", "x", weight, net.weight(3), pads=pads)
    y = net.add("Tanh", y)
    strides = [1, 2] if time == 2 else [2, 1]
    y = net.add("Conv", y, net.weight(2, 3, 3, 3), net.weight(2), strides=strides, pads=[1] * 4)
    weight = net.weight(2, 2, 2, 4) if time == 2 else net.weight(2, 2, 4, 2)
    y = net.add("ConvTranspose", y, weight, net.weight(2), strides=strides)
    (model, *_) = check(net.model(shape, y))
    assert delays(model) == [1 + 1]


LOWEST = float(np.finfo(np.float32).min)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("fill", [None, LOWEST, -np.inf])
def test_padding_of_a_maximum_stands_in_no_frame_before_the_stream(fill, stride):
    """Two of its windows sum to no infinity, whether the operator pads or a Pad does."""
    net = Net()
    late = net.conv("x", 2, 2, 6, right=5)
    pooling = {"kernel_shape": [3], "strides": [stride]}
    if fill is None:
        y = net.add("MaxPool", late, pads=[1, 1], **pooling)
    else:
        y = net.add("MaxPool", net.pad(late, 2, 0, fill), **pooling)
    check(net.model([1, 2, "T"], net.add("Mul", net.add("Add", y, y), y)), (1, 2, 4))


def test_a_maximum_whose_windows_all_reach_the_stream_gets_no_more_operators():
    net = Net()
    y = net.add("MaxPool", "x", kernel_shape=[3], strides=[1], pads=[1, 1])
    (model, *_) = check(net.model([1, 2, "T"], net.add("Add", y, y)))
    kinds = [node.op_type for node in model.ir.graph]
    assert kinds.count("Where") == 1  # the padding itself


@pytest.mark.rows(2)
@pytest.mark.parametrize("group", [1, 2])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (1, 2), (2, 1)])
def test_three_axes_become_planes_of_each_frame(group, stride, dilation):
    net = Net()
    reach = 2 * dilation
    y = net.add(
        "Conv",
        "x",
        net.weight(4, 2 // group, 3, 3, 2),
        net.weight(4),
        group=group,
        pads=[reach, 1, 0, 0, 1, 1],
        strides=[stride, 2, 1],
        dilations=[dilation, 1, 1],
    )
    y = net.add("Conv", net.add("Tanh", y), net.weight(2, 4, 2, 1, 1), pads=[1, 0, 0, 0, 0, 0])
    models = check(net.model([1, 2, "T", 5, 4], y), (1, 2, 3))
    for model in models:
        shapes = [v.shape for n in model.ir.graph if n.op_type == "Conv" for v in n.inputs[:1]]
        assert {len(shape or ()) for shape in shapes} == {4}
        assert not TARGETS["host"].check(model)


@pytest.mark.parametrize("p", [1, 2, 3])
@pytest.mark.parametrize(("left", "stride", "delay"), [(0, 1, 3), (1, 1, 2), (3, 3, 0)])
def test_powers_are_pooled_over_the_frames_of_a_window(p, left, stride, delay):
    net = Net()
    pads, strides = [left, 3 - left], [stride]
    y = net.add("LpPool", "x", kernel_shape=[4], strides=strides, pads=pads, p=p)
    (model, *_) = check(net.model([1, 2, "T"], net.conv(y, 2, 2, 2, left=1)))
    assert delays(model) == [delay]


def test_windows_beyond_the_frames_are_refused():
    net = Net()
    y = net.add("LpPool", "x", kernel_shape=[4], strides=[2], ceil_mode=1)
    assert "ceil_mode" in refused(net, y)
    net = Net()
    y = net.add("AveragePool", "x", kernel_shape=[3], pads=[1, 1])
    assert "leaves out the padding in time" in refused(net, y)


@pytest.mark.parametrize("mode", ["edge", "reflect"])
def test_frames_between_kernels_do_not_wait_for_repeated_ones(mode):
    """A kernel of one frame and a stride of three: two frames of three are the bias."""
    net = Net()
    padded = net.add("Pad", "x", net.const([0, 0, 3, 0, 0, 2], np.int64), mode=mode)
    data = net.model([1, 2, "T"], net.transposed(padded, 2, 2, 1, 3, 1, 2))
    for model in check(data, (1, 2, 4)):
        hop = int(model.stream.hop_samples)
        assert delays(model) == [least_delay(data, hop, 10 * hop + 50, 2)]
