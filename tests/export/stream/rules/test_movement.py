"""Padding, slices, reshapes, joined and picked frames."""

import re

import numpy as np
import pytest
from onnx import TensorProto, helper
from stream_networks import Net, check, delays, refused

from edgekit.export.stream.convert import stream
from edgekit.export.stream.sources import onnx_offline


def test_one_value_padded_with_zeros_and_with_another_number():
    net = Net()
    both = net.conv("x", 2, 2, 1)
    shifted = net.cut(
        net.add("Pad", both, net.const([0, 0, 1, 0, 0, 0], np.int64), net.const(0.7)), 0, -1
    )
    check(net.model([1, 2, "T"], net.add("Add", shifted, net.conv(both, 2, 2, 2, left=1))))


@pytest.mark.rows(4)
@pytest.mark.parametrize("fill", [2.0, -np.inf])
@pytest.mark.parametrize(("left", "right"), [(2, 0), (1, 1), (0, 2)])
@pytest.mark.parametrize("late", [False, True])
def test_padding_with_any_constant(fill, left, right, late):
    net = Net()
    y = net.conv("x", 2, 2, 3, left=1, right=1) if late else "x"
    y = net.add("Pad", y, net.const([0, 0, left, 0, 0, right], np.int64), net.const(fill))
    y = net.add("MaxPool", y, kernel_shape=[3], strides=[1])
    (model, *_) = check(net.model([1, 2, "T"], net.conv(y, 2, 2, 2, left=1)))
    assert delays(model) == [right + late]


def test_numbers_over_time_pick_rows_of_a_table():
    """Behind the end the numbers read 0, and what row 0 of the table holds is not zero."""
    net = Net()
    y = net.add("Gather", net.weight(9, 4), "x")
    y = net.conv(net.add("Transpose", y, perm=[0, 2, 1]), 4, 2, 3, left=1, right=1)
    graph = helper.make_graph(
        net.nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.INT64, [1, "T"])],
        [helper.make_tensor_value_info(y, TensorProto.FLOAT, [None] * 3)],
        net.tensors,
    )
    data = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    offline = onnx_offline(data.SerializeToString(), name="net")
    assert delays(stream(offline, hop=4)) == [1]


def test_a_shift_around_the_end_whose_first_frames_are_not_read():
    """As torch.roll along time with what came around cut off, and over channels."""
    net = Net()
    rolled = net.add("Concat", net.cut("x", -3), net.cut("x", 0, -3), axis=2)
    y = net.add("Concat", net.const(np.zeros((1, 2, 3))), net.cut(rolled, 3), axis=2)
    turned = net.add("Concat", net.cut(y, 1, axis=1), net.cut(y, 0, 1, axis=1), axis=1)
    (model, *_) = check(net.model([1, 2, "T"], net.add("Sub", "x", turned)))
    assert delays(model) == [0]


def test_an_empty_part_of_a_concatenation():
    net = Net()
    y = net.add("Concat", net.const(np.zeros((1, 2, 0))), net.add("Tanh", "x"), axis=2)
    (model, *_) = check(net.model([1, 2, "T"], y))
    assert delays(model) == [0]


@pytest.mark.parametrize("window", [12, 16])
def test_frames_of_a_stft(window):
    net = Net()
    x = net.add("Pad", "x", net.const([0, window - 8, 0, 0], np.int64))
    y = net.add("STFT", x, net.const(8, np.int64), net.weight(window))
    (model, *_) = check(net.model([1, "T"], y, rank=4))
    assert delays(model) == [0]
    assert model.stream.hop_samples == 8


def test_rows_of_batch_and_time():
    """A layer over the channels of (F, T, C) is a Gemm of F * T rows."""
    net = Net()
    y = net.add("Transpose", "x", perm=[0, 3, 2, 1])  # (1, F, T, C)
    y = net.add("Reshape", y, net.const([6, -1, 2], np.int64))
    y = net.add("Tanh", net.add("MatMul", y, net.weight(2, 3)))
    y = net.add("Add", net.add("MatMul", y, net.weight(3, 3)), net.weight(3))
    frames = net.add("Transpose", y, perm=[1, 0, 2])
    weights = [net.weight(1, 9, 3), net.weight(1, 9, 3), net.weight(1, 18)]
    y = net.add("GRU", frames, *weights, hidden_size=3)
    (model, *_) = check(net.model([1, 2, "T", 6], y))
    assert delays(model) == [0]


def test_elements_by_the_indices_of_the_same_frame():
    net = Net()
    late = net.conv("x", 2, 4, 3, left=1, right=1)
    largest = net.add("TopK", late, net.const([2], np.int64), outputs=2, axis=1)
    picked = net.add("GatherElements", late, f"{net.nodes[-1].name}_y1", axis=1)
    (model, *_) = check(net.model([1, 2, "T"], net.add("Sub", largest, picked)))
    assert delays(model) == [1]


def refusals():
    net = Net()
    places = net.add("Cast", net.add("Transpose", "x", perm=[0, 2, 1]), to=TensorProto.INT64)
    yield "GatherND .*: it picks frames at computed places", net, net.add("GatherND", "x", places)
    net = Net()
    places = net.add("Cast", "x", to=TensorProto.INT64)
    y = net.add("GatherElements", "x", places, axis=2)
    yield "GatherElements .*: it picks frames at computed places", net, y
    net = Net()
    yield "Slice .*: it reverses time", net, net.cut("x", -1, -(2**60), step=-1)
    net = Net()
    y = net.add("Pad", "x", net.const([0, 0, 3, 0, 0, 3], np.int64), mode="wrap")
    yield r"Pad .*: wrap padding of \(3, 3\) frames in time; .*--replace pad=zeros", net, y
    net = Net()
    yield "Slice .*: its output .* does not grow with time", net, net.cut("x", 0, 3)
    net = Net()
    y = net.add("Concat", net.cut("x", 5), "x", axis=2)
    yield "Concat .*: it joins frames along time", net, y
    net = Net()
    y = net.add("Concat", net.cut("x", -3), net.cut("x", 0, -3), axis=2)
    message = r"it brings the last 3 of all frames to the start, as torch.roll .*F\.pad\(x, \(3, 0"
    yield f"Slice .*: {message}", net, y
    net = Net()
    y = net.add("Reshape", "x", net.const([1, -1], np.int64))
    yield "output .*: time moves inside of another axis", net, y


@pytest.mark.parametrize(("message", "net", "output"), list(refusals()))
def test_refusals_name_the_node_and_the_reason(message, net, output):
    assert re.match(message, refused(net, output))
