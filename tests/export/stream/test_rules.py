"""One case per streaming rule, compared with onnxruntime on the whole; and the message of each refusal."""

import numpy as np
import pytest
from onnx import TensorProto, helper
from stream_networks import Net, check

from edgekit.base.errors import ModelError
from edgekit.export.hop_runner import in_onnxruntime, zero_states
from edgekit.export.stream.convert import stream
from edgekit.export.stream.sources import onnx_offline
from edgekit.operators.pointwise.functions import POINTWISE
from edgekit.verbs.targets import TARGETS


def delays(model):
    return [output.delay_samples for output in model.streaming.outputs]


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


def test_channels_last_and_pooling_over_frequency():
    net = Net()
    y = net.add("Transpose", "x", perm=[0, 2, 1])
    y = net.conv(y, 6, 4, 3, left=2)
    y = net.add("Transpose", y, perm=[0, 2, 1])
    y = net.add("ReduceMean", y, net.const([2], np.int64), keepdims=1)
    y = net.add("Mul", net.add("Tile", y, net.const([1, 1, 6], np.int64)), "x")
    (model, *_) = check(net.model([1, "T", 6], y))
    assert delays(model) == [0]


@pytest.mark.parametrize("kind", ["GRU", "LSTM", "RNN"])
@pytest.mark.parametrize(("left", "right"), [(2, 0), (0, 3), (4, -2), (7, -7)])
def test_recurrent_layers_start_at_time_zero(kind, left, right):
    """Padding that is not cropped makes a stream early, lookahead makes it late."""
    net = Net()
    y = net.pad(net.conv("x", 2, 3, 3, left=left, right=max(right, 0)), 2, 0)
    y = net.recurrent(y, 3, kind)
    y = net.conv(y, 3, 3, 3, left=0, right=2)
    check(net.model([1, 2, "T"], net.recurrent(y, 3, kind)), (1, 2, 3, 5))


def test_a_recurrence_with_a_first_state():
    net = Net()
    late = net.conv("x", 2, 3, 3, left=0, right=2)
    frames = net.add("Transpose", late, perm=[2, 0, 1])
    weights = [net.weight(1, 12, 3), net.weight(1, 12, 3), net.weight(1, 24)]
    y = net.add(
        "LSTM", frames, *weights, "", net.weight(1, 1, 3), net.weight(1, 1, 3), hidden_size=3
    )
    y = net.add("Reshape", y, net.const([-1, 3], np.int64))
    check(net.model([1, 2, "T"], y, rank=2))


def test_one_value_padded_with_zeros_and_with_another_number():
    net = Net()
    both = net.conv("x", 2, 2, 1)
    shifted = net.cut(
        net.add("Pad", both, net.const([0, 0, 1, 0, 0, 0], np.int64), net.const(0.7)), 0, -1
    )
    check(net.model([1, 2, "T"], net.add("Add", shifted, net.conv(both, 2, 2, 2, left=1))))


def test_a_norm_over_neighbouring_channels():
    net = Net()
    late = net.add("Conv", "x", net.weight(5, 2, 3, 1), pads=[1, 0, 1, 0])
    (model, *_) = check(net.model([1, 2, "T", 4], net.add("LRN", late, size=3, alpha=0.4)))
    assert delays(model) == [1]
    net = Net()
    with pytest.raises(ModelError, match="a norm over neighbouring channels over all of time"):
        check(net.model([1, "T", 4, 3], net.add("LRN", "x", size=3)))


def test_both_directions_over_frequency():
    net = Net()
    rows = net.add("Transpose", "x", perm=[3, 0, 2, 1])  # (F, 1, T, C)
    rows = net.add("Reshape", rows, net.const([6, -1, 2], np.int64))
    weights = [net.weight(2, 9, 2), net.weight(2, 9, 3), net.weight(2, 18)]
    y = net.add("GRU", rows, *weights, hidden_size=3, direction="bidirectional")  # (F, 2, T, 3)
    y = net.add("Transpose", y, perm=[2, 0, 1, 3])
    (model, *_) = check(net.model([1, 2, "T", 6], net.add("Tanh", y)))
    assert [pair.input for pair in model.states] == []


def test_running_sums_and_a_running_mean():
    net = Net()
    late = net.conv("x", 2, 2, 3, left=1, right=1)
    total = net.add("CumSum", late, net.const(-1, np.int64))
    count = net.add(
        "CumSum",
        net.add("Add", net.add("Mul", late, net.const(0)), net.const(1)),
        net.const(2, np.int64),
    )
    mean = net.add("Div", total, net.add("Max", count, net.const(1)))
    (model, *_) = check(net.model([1, 2, "T"], net.add("Sub", late, mean)))
    assert delays(model) == [1]


@pytest.mark.parametrize("place", range(5))
def test_no_frame_before_the_stream_is_divided_by_zero(place):
    """`check` looks at the frames before frame 0 as well."""
    net = Net()
    late = net.conv("x", 2, 2, 3, left=1, right=1)
    if place == 0:
        frames = net.add("Squeeze", net.add("Shape", "x", start=2), net.const([0], np.int64))
        count = net.add(
            "Range",
            net.const(1, np.int64),
            net.add("Add", frames, net.const(1, np.int64)),
            net.const(1, np.int64),
        )
        total = net.add("CumSum", late, net.const(-1, np.int64))
        y = net.add("Div", total, net.add("Cast", count, to=TensorProto.FLOAT))
    elif place == 1:  # the divisor waits in a delay line of zeros
        y = net.add("Div", late, net.add("Exp", "x"))
    elif place == 2:
        size = net.add("ReduceL2", net.cut(late, 0), net.const([1], np.int64))
        y = net.add("Div", late, size)
    elif place == 3:
        y = net.add("Log", net.add("Mul", late, late))
    else:
        gates = net.add("Relu", net.pad(net.cut(late, 1), 0, 1))
        y = net.add("Mod", late, net.add("Add", gates, net.add("Abs", late)), fmod=1)
    (model, *_) = check(net.model([1, 2, "T"], y), (1, 2, 3, 5))
    assert delays(model)[0] >= 1


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


def test_a_norm_that_cannot_divide_by_zero_is_left_as_it_is():
    net = Net()
    late = net.conv("x", 2, 2, 3, left=1, right=1)
    mean = net.add("ReduceMean", net.add("Mul", late, late), net.const([1], np.int64))
    y = net.add("Div", late, net.add("Sqrt", net.add("Add", mean, net.const(1e-5))))
    (model, *_) = check(net.model([1, 2, "T"], y))
    kinds = [node.op_type for node in model.ir.graph]
    assert "Where" not in kinds


def test_a_count_of_frames_goes_on_beyond_2_to_the_24():
    net = Net()
    frames = net.add("Squeeze", net.add("Shape", "x", start=2), net.const([0], np.int64))
    places = net.add("Range", net.const(0, np.int64), frames, net.const(1, np.int64))
    y = net.add("Add", net.add("Mul", "x", net.const(0)), net.add("Cast", places, to=1))
    (model,) = check(net.model([1, 2, "T"], y), (8,))
    running, state = in_onnxruntime(model.to_bytes()), zero_states(model)
    for hops in (2**20 - 2, 2**24 - 2, 2**27 - 2):
        turns, low = divmod(hops, 2**20)
        state["elapsed.low.state"][...], state["elapsed.high.state"][...] = low, turns
        for hop in range(hops, hops + 4):
            results = running(state | {"x": np.zeros((1, 2, 8), np.float32)})
            assert np.allclose(results[y], np.arange(8 * hop, 8 * hop + 8), rtol=2**-23, atol=0)
            state = {pair.input: results[pair.output].copy() for pair in model.states}


@pytest.mark.parametrize("factor", [2, 3, 4, 5])
@pytest.mark.parametrize(("left", "right"), [(0, 0), (1, 1), (3, 0), (2, -2)])
def test_lines_between_frames(factor, left, right):
    """The first frame stays before itself and the last one behind itself; half of a frame waits for the next."""
    net = Net()
    y = net.conv("x", 2, 2, 3, left=left, right=max(right, 0))
    y = net.add("Resize", y, "", net.const([1, 1, factor]), mode="linear")
    y = net.add("Tanh", net.conv(y, 2, 2, 3, left=1, right=1))
    check(net.model([1, 2, "T"], y), (1, 2, 3, 5))
    net = Net()
    data = net.model(
        [1, 1, "T"], net.add("Resize", "x", "", net.const([1, 1, factor]), mode="linear")
    )
    (model,) = check(data, (2,))
    output = model.stream_outputs[0].name
    assert model.timing[output].delay_frames == factor // 2
    assert delays(model) == [1]


@pytest.mark.parametrize("factor", [2, 3, 5])
def test_points_on_the_lines_between_aligned_corners(factor):
    """``factor * (frames - 1) + 1`` frames: those of the input and between two of them ``factor - 1`` more."""
    net, whole = Net(), np.int64
    y = net.conv("x", 2, 2, 3, left=1, right=1)
    gaps = net.add("Sub", net.add("Shape", y, start=2), net.const([1], whole))
    frames = net.add("Add", net.add("Mul", gaps, net.const([factor], whole)), net.const([1], whole))
    sizes = net.add("Concat", net.const([1, 2], whole), frames, axis=0)
    aligned = {"mode": "linear", "coordinate_transformation_mode": "align_corners"}
    y = net.add("Tanh", net.add("Resize", y, "", "", sizes, **aligned))
    for model in check(net.model([1, 2, "T"], y), (1, 2, 3)):
        assert model.timing[model.stream_outputs[0].name].delay_frames == factor + factor - 1


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


def test_a_padded_start_that_is_longer_than_the_length_that_was_read_first():
    net = Net()
    y = net.add("Sigmoid", net.conv("x", 2, 2, 8, stride=8))
    y = net.add("Sin", net.conv(net.pad(y, 20, 0), 2, 2, 3, left=4))
    (model, *_) = check(net.model([1, 2, "T"], net.add("CumSum", y, net.const(2, np.int64))))
    assert delays(model) == [0]


@pytest.mark.parametrize("start", [0, 3, 4, 9])
@pytest.mark.parametrize("late", [0, 2])
def test_a_constant_that_returns_with_the_hop_after_a_start_of_its_own(start, late):
    """As the envelope of overlapping windows, whose computation is not one of frames."""
    net = Net()
    down = net.add("Tanh", net.conv("x", 2, 2, 4, stride=4))
    y = net.transposed(net.conv(down, 2, 2, 1 + late, right=late), 2, 2, 4, 4)
    frames = net.add("Squeeze", net.add("Shape", "x", start=2), net.const([0], np.int64))
    places = net.add("Range", net.const(0, np.int64), frames, net.const(1, np.int64))
    row = net.add(
        "Where",
        net.add("Less", places, net.const(start, np.int64)),
        net.add("Add", places, net.const(4, np.int64)),
        net.add("Mod", places, net.const(4, np.int64)),
    )
    table = net.add("Gather", net.const(np.linspace(0.5, 1.5, 13)), row)
    shape = net.add("Concat", net.const([1, 1], np.int64), net.add("Shape", "x", start=2), axis=0)
    ones = net.add("Conv", net.add("Reshape", table, shape), net.const(np.ones((1, 1, 1))))
    (model, *_) = check(net.model([1, 2, "T"], net.add("Div", y, ones)), (1, 2, 3))
    assert delays(model) == [4 * late]


@pytest.mark.parametrize(("size", "hop", "delay"), [(16, 4, 12), (12, 4, 10), (16, 8, 8)])
def test_an_envelope_of_windows_whose_last_frames_are_read(size, hop, delay):
    """As torch.istft divides by it: at both ends fewer windows overlap."""
    net, taper, half = Net(), np.hanning(size + 1)[:-1] ** 2, size // 2
    padded = net.pad("x", half, half)
    frames = net.add("Conv", padded, net.weight(6, 1, size), strides=[hop])
    sound = net.add("ConvTranspose", frames, net.weight(6, 1, size), strides=[hop])
    count = net.add("Shape", frames, start=2)
    shape = net.add("Concat", net.const([1, size], np.int64), count, axis=0)
    tapers = net.add("Expand", net.const(taper.reshape(1, size, 1)), shape)
    envelope = net.add("ConvTranspose", tapers, net.const(np.eye(size)[:, None]), strides=[hop])
    y = net.add("Div", net.cut(sound, half, -half), net.cut(envelope, half, -half))
    (model, *_) = check(net.model([1, 1, "T"], y), samples=97)
    assert delays(model) == [delay]


def test_an_empty_part_of_a_concatenation():
    net = Net()
    y = net.add("Concat", net.const(np.zeros((1, 2, 0))), net.add("Tanh", "x"), axis=2)
    (model, *_) = check(net.model([1, 2, "T"], y))
    assert delays(model) == [0]


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


def test_outputs_of_several_rates_have_their_own_delays():
    net = Net()
    slow = net.conv("x", 1, 2, 4, stride=2, left=1, right=1)
    fast = net.conv("x", 1, 1, 5, left=1, right=3)
    early = net.pad("x", 3, 0)
    models = check(net.model([1, 1, "T"], [slow, fast, early]))
    for model in models:
        facts = {output.name: output for output in model.streaming.outputs}
        assert [facts[name].delay_samples for name in (slow, fast, early)] == [2, 3, 0]
        assert facts[fast].caused_by == "conv1"
        assert model.timing[slow].delay_frames == 1
        assert model.stream.delay_samples == 3


def test_values_that_come_later_than_keys():
    net = Net()
    flat = net.add("Transpose", "x", perm=[0, 2, 1])
    late = net.add("Transpose", net.conv("x", 2, 2, 3, left=0, right=2), perm=[0, 2, 1])
    scores = net.add("MatMul", flat, net.add("Transpose", flat, perm=[0, 2, 1]))
    frames = net.add("Squeeze", net.add("Shape", "x", start=2), net.const([0], np.int64))
    place = net.add("Range", net.const(0, np.int64), frames, net.const(1, np.int64))
    rows = net.add("Unsqueeze", place, net.const([1], np.int64))
    back = net.add("Sub", rows, place)
    seen = net.add(
        "And",
        net.add("Less", back, net.const(4, np.int64)),
        net.add("GreaterOrEqual", back, net.const(-1, np.int64)),
    )
    masked = net.add("Where", seen, scores, net.const(-1e9))
    y = net.add("MatMul", net.add("Softmax", masked, axis=-1), late)
    (model, *_) = check(net.model([1, 2, "T"], y))
    assert delays(model) == [3]


def test_an_input_without_time_stays_an_input():
    net = Net()
    y = net.conv(net.add("Mul", "x", net.add("Sigmoid", "knob")), 2, 2, 3, left=1, right=1)
    graph = helper.make_graph(
        net.nodes,
        "net",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2, "T"]),
            helper.make_tensor_value_info("knob", TensorProto.FLOAT, [1, 2, 1]),
        ],
        [helper.make_tensor_value_info(y, TensorProto.FLOAT, [None] * 3)],
        net.tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    (streamed, *_) = check(model.SerializeToString())
    assert "knob" not in streamed.timing
    assert [value.name for value in streamed.stream_inputs] == ["x", "knob"]


def refusals():
    for kind, direction in (("GRU", "bidirectional"), ("LSTM", "reverse")):
        net = Net()
        message = (
            f"Slice '{kind.lower()}1.*': it reverses time for {kind} .*; .*bidirectional=False"
        )
        yield message, net, net.recurrent("x", 2, kind, direction)
    net = Net()
    y = net.add("InstanceNormalization", "x", net.weight(2), net.weight(2))
    yield "InstanceNormalization .*: a norm over all of time; .*LayerNorm", net, y
    net = Net()
    yield "Softmax .*: softmax over all of time", net, net.add("Softmax", "x", axis=2)
    net = Net()
    mean = net.add("ReduceMean", "x", net.const([2], np.int64))
    yield (
        "ReduceMean .*: a reduction over all of time; .*causal window",
        net,
        net.add("Mul", "x", mean),
    )
    net = Net()
    y = net.add("Mul", "x", net.add("GlobalAveragePool", "x"))
    yield "GlobalAveragePool .*: pooling over all of time", net, y
    net = Net()
    yield "Slice .*: it reverses time", net, net.cut("x", -1, -(2**60), step=-1)
    net = Net()
    y = net.add("Pad", "x", net.const([0, 0, 3, 0, 0, 3], np.int64), mode="wrap")
    yield r"Pad .*: wrap padding of \(3, 3\) frames in time; .*--replace pad=zeros", net, y
    net = Net()
    yield "Slice .*: its output .* does not grow with time", net, net.cut("x", 0, 3)
    net = Net()
    yield (
        "CumSum .*: it sums from the end",
        net,
        net.add("CumSum", "x", net.const(2, np.int64), reverse=1),
    )
    net = Net()
    y = net.add("Resize", "x", "", net.const([1, 1, 1.5]), mode="linear")
    yield "Resize .*: linear resampling of time by 3/2", net, y
    net = Net()
    aligned = {"mode": "linear", "coordinate_transformation_mode": "align_corners"}
    y = net.add("Resize", "x", "", net.const([1, 1, 2]), **aligned)
    yield "Resize .*: linear upsampling of time with align_corners", net, y
    net = Net()
    y = net.add("Concat", net.cut("x", 5), "x", axis=2)
    yield "Concat .*: it joins frames along time", net, y
    net = Net()
    y = net.add("Concat", net.cut("x", -3), net.cut("x", 0, -3), axis=2)
    yield (
        r"Slice .*: it brings the last 3 of all frames to the start, as torch.roll .*F\.pad\(x, \(3, 0",
        net,
        y,
    )
    net = Net()
    frames = net.add("Shape", "x", start=2)
    count = net.add("Cast", frames, to=TensorProto.FLOAT)
    yield "Div .*: its constant .* follows the length", net, net.add("Div", "x", count)
    net = Net()
    y = net.add("Reshape", "x", net.const([1, -1], np.int64))
    yield "output .*: time moves inside of another axis", net, y


@pytest.mark.parametrize(("message", "net", "output"), list(refusals()))
def test_refusals_name_the_node_the_reason_and_what_to_use(message, net, output):
    with pytest.raises(ModelError, match=message) as caught:
        stream(onnx_offline(net.model([1, 2, "T"], output), name="net"))
    (problem,) = caught.value.problems
    assert problem.allowed and problem.next_step


def test_all_refusals_of_a_network_are_listed():
    net = Net()
    one, other = net.add("Softmax", "x", axis=2), net.recurrent("x", 2, "GRU", "bidirectional")
    with pytest.raises(ModelError) as caught:
        stream(onnx_offline(net.model([1, 2, "T"], [one, other]), name="net"))
    assert [problem.where.split()[0] for problem in caught.value.problems] == ["Softmax", "Slice"]


def test_the_time_axis_is_asked_for_where_the_file_does_not_tell():
    net = Net()
    data = net.model(["B", 2, "T"], net.conv("x", 2, 2, 3, left=2))
    model = stream(onnx_offline(data, name="net"))
    assert model.timing["x"].axis == 2
    assert model.notes == ("input 'x': its open first dimension is taken as a batch of 1",)
    data = net.model([1, "C", "T"], net.conv("x", 2, 2, 3, left=2))
    with pytest.raises(
        ModelError, match=r"2 open dimensions: x \(1, C, T\); .*--time-axis INPUT:AXIS"
    ):
        onnx_offline(data, name="net")
    with pytest.raises(
        ModelError, match=r"its dimension 'C' is open beside time; .*--shape x=1,1,1"
    ):
        onnx_offline(data, name="net", time_axes={"x": 2})
    model = stream(
        onnx_offline(data, name="net", time_axes={"x": 2}, shapes={"x": (1, 2, 9)}), hop=2
    )
    assert model.stream.hop_samples == 2
    with pytest.raises(ModelError, match="--time-axis y:2: not an axis of an input"):
        onnx_offline(data, name="net", time_axes={"y": 2})
