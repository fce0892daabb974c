"""Convolutions streamed: equal to the whole from the first sample to the last, with the least delay."""

import pytest
from onnx import TensorProto, helper
from stream_networks import Net, check, least_delay

from edgekit.base.errors import ModelError, UsageError
from edgekit.export.stream.convert import stream
from edgekit.export.stream.sources import onnx_offline


def delay_of(models):
    (delay,) = {model.streaming.outputs[0].delay_samples for model in models}
    return delay


def test_padding_moves_across_convolutions():
    net = Net()
    x = net.conv(net.conv(net.pad("x", 12, 0), 2, 4, 3, dilation=2), 4, 2, 3, dilation=4)
    models = check(net.model([1, 2, "T"], x))
    assert delay_of(models) == 0
    assert models[0].end_state is None


def test_symmetric_padding_is_lookahead_and_exact_at_both_ends():
    net = Net()
    x = "x"
    for dilation in (1, 2, 4):
        x = net.conv(x, 2, 2, 3, left=dilation, right=dilation, dilation=dilation)
        x = net.add("Sigmoid", x)
    data = net.model([1, 2, "T"], x)
    models = check(data)
    assert delay_of(models) == 7 == least_delay(data, 1, 60, 2)
    assert models[0].end_state == "end.state"
    assert models[0].streaming.outputs[0].caused_by == "conv4"


def test_a_causal_network_stays_clean():
    net = Net()
    x = "x"
    for dilation in (1, 2, 4):
        y = net.conv(x, 2, 2, 3, left=2 * dilation, right=2 * dilation, dilation=dilation)
        y = net.add("Tanh", net.cut(y, 0, -2 * dilation))
        x = net.add("Add", x, y)
    models = check(net.model([1, 2, "T"], x))
    assert delay_of(models) == 0
    assert models[0].end_state is None
    assert {node.op_type for node in models[0].ir.graph} == {
        "Concat",
        "Slice",
        "Conv",
        "Tanh",
        "Add",
    }
    assert [tuple(v.shape) for v in models[0].ir.graph.inputs][1:] == [
        (1, 2, 2),
        (1, 2, 4),
        (1, 2, 8),
    ]


@pytest.mark.parametrize("frames", [1, 3, 20])
def test_the_last_frames_may_be_left_out(frames):
    net = Net()
    y = net.conv(net.pad("x", 4, 0), 2, 2, 5)
    models = check(net.model([1, 2, "T"], net.cut(y, 0, -frames)))
    assert delay_of(models) == 0


def test_a_strided_encoder_and_decoder_with_skips():
    net = Net()
    first = net.add("Tanh", net.conv("x", 1, 3, 4, left=1, right=1, stride=2))
    second = net.add("Tanh", net.conv(first, 3, 3, 5, left=2, right=2, stride=3))
    third = net.add("Tanh", net.transposed(second, 3, 3, 5, 3, left=1, right=1))
    joined = net.add("Add", first, third)
    data = net.model([1, 1, "T"], net.transposed(joined, 3, 1, 4, 2, left=1, right=1))
    models = check(data)
    assert models[0].stream.hop_samples == 6
    for model in models:
        hop = model.stream.hop_samples
        assert model.streaming.outputs[0].delay_samples == least_delay(data, hop, 96)


def test_the_smallest_hop_is_named():
    net = Net()
    data = net.model([1, 1, "T"], net.conv("x", 1, 1, 4, stride=4))
    with pytest.raises(UsageError, match=r"--hop: 6; .*smallest hop is 4"):
        stream(onnx_offline(data, name="net"), hop=6)
    model = stream(onnx_offline(data, name="net"), hop=8, sample_rate=16000)
    assert (model.stream.hop_samples, model.stream.delay_samples) == (8, 0)
    assert model.stream.minimum_hop_samples == 4


def test_an_hour_of_frames_through_a_recurrence_stays_equal():
    net = Net()
    y = net.recurrent(net.conv("x", 2, 3, 3, left=2), 3, "GRU")
    check(net.model([1, 2, "T"], y), (900,), samples=360_000)  # frames of 10 ms


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


def test_a_cache_for_the_next_call_is_one_refusal_however_many_layers_it_holds():
    net = Net()
    x, held = "x", []
    for _ in range(2):
        wide = net.pad(x, 2, 0)
        held.append(net.cut(wide, -2, 2**31))
        x = net.conv(wide, 2, 2, 3)
    cache = net.add("Concat", *held, axis=2)
    with pytest.raises(ModelError) as caught:
        stream(onnx_offline(net.model([1, 2, "T"], [x, cache]), name="net"))
    (problem,) = caught.value.problems
    assert problem.where == f"output '{cache}'" and "last frames of layers" in problem.found
    assert f"return '{x}' alone" in problem.next_step


def test_all_refusals_of_a_network_are_listed():
    net = Net()
    one, other = net.add("Softmax", "x", axis=2), net.recurrent("x", 2, "GRU", "bidirectional")
    with pytest.raises(ModelError) as caught:
        stream(onnx_offline(net.model([1, 2, "T"], [one, other]), name="net"))
    assert [problem.where.split()[0] for problem in caught.value.problems] == ["Softmax", "Slice"]
