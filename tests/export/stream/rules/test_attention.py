"""Attention by segments, and without a softmax: a mask that returns, factors that hide keys."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper
from stream_networks import Net, check, delays

from edgekit.base.errors import ModelError, UsageError
from edgekit.export.stream.convert import stream
from edgekit.export.stream.recording_end import RecordingEnd
from edgekit.export.stream.sources import onnx_offline, torch_offline


def places(net: Net) -> tuple[str, str]:
    """The numbers of the frames, as a column and as a row."""
    frames = net.add("Gather", net.add("Shape", "x"), net.const(1, np.int64))
    count = net.add("Range", net.const(0, np.int64), frames, net.const(1, np.int64))
    return (
        net.add("Unsqueeze", count, net.const([1], np.int64)),
        net.add("Unsqueeze", count, net.const([0], np.int64)),
    )


def scores(net: Net, x: str) -> tuple[str, str]:
    """Queries by keys, and values, of (1, T, 6)."""
    queries, keys, values = (net.add("MatMul", x, net.weight(6, 6)) for _ in range(3))
    return net.add("MatMul", queries, net.add("Transpose", keys, perm=[0, 2, 1])), values


def hidden(net: Net, before: Any, behind: Any, apart: str) -> str:
    """Where a distance is beyond what is seen."""
    late = net.add("Greater", apart, net.const(before, np.int64))
    return net.add("Or", late, net.add("Less", apart, net.const(behind, np.int64)))


def segmented(segment: int, before: int, behind: int, late: int) -> bytes:
    """Each segment sees `before` segments before it and `behind` behind it."""
    net = Net()
    x = "x"
    if late:
        x = net.add("Transpose", x, perm=[0, 2, 1])
        x = net.conv(x, 6, 6, 2 * late + 1, left=late, right=late)
        x = net.add("Transpose", x, perm=[0, 2, 1])
    rows, columns = (net.add("Div", p, net.const(segment, np.int64)) for p in places(net))
    masked = hidden(net, before, -behind, net.add("Sub", rows, columns))
    product, values = scores(net, x)
    product = net.add("Where", masked, net.const(-np.inf), product)
    return net.model([1, "T", 6], net.add("MatMul", net.add("Softmax", product), values))


@settings(max_examples=8, deadline=None)
@given(st.integers(2, 6), st.integers(0, 2), st.integers(0, 1), st.integers(0, 3))
def test_segments_of_any_length_with_any_context(segment, before, behind, late):
    data = segmented(segment, before, behind, late)
    model = stream(onnx_offline(data, name="net"))  # proven there at three hops
    assert model.stream.hop_samples % segment == 0
    whole = -(-late // segment) * segment
    assert model.stream.delay_samples == whole + behind * segment


def test_a_hop_holds_whole_segments():
    offline = onnx_offline(segmented(5, 1, 0, 0), name="net")
    assert (stream(offline).stream.hop_samples, stream(offline).stream.delay_samples) == (5, 0)
    with pytest.raises(UsageError, match=r"--hop: 7; .*smallest hop is 5"):
        stream(offline, hop=7)


@pytest.mark.parametrize("by", ["factor", "where"])
def test_retention_hides_keys_by_a_factor_of_0(by):
    net = Net()
    rows, columns = places(net)
    apart = net.add("Sub", rows, columns)
    masked = hidden(net, 7, 0, apart)
    near = net.add(
        "Cast", net.add("Clip", apart, net.const(0, np.int64)), to=helper.TensorProto.FLOAT
    )
    decay = net.add("Pow", net.const(0.8), near)
    product, values = scores(net, "x")
    if by == "factor":
        decay = net.add("Where", masked, net.const(0.0), decay)
        product = net.add("Mul", product, decay)
    else:
        product = net.add("Where", masked, net.const(0.0), net.add("Mul", product, decay))
    (model, *_) = check(net.model([1, "T", 6], net.add("MatMul", product, values)), (1, 2, 5))
    assert model.streaming.outputs[0].delay_samples == 0
    assert (1, 7, 6) in {tuple(value.shape) for value in model.ir.graph.inputs}


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


def causal() -> bytes:
    """Each query attends to all keys before it."""
    net = Net()
    rows, columns = places(net)
    product, values = scores(net, "x")
    product = net.add("Where", net.add("Less", rows, columns), net.const(-np.inf), product)
    return net.model([1, "T", 6], net.add("MatMul", net.add("Softmax", product), values))


def test_a_declared_end_lets_attention_reach_back_to_the_start() -> None:
    offline = onnx_offline(causal(), name="net")
    with pytest.raises(ModelError, match=r"over all of time.*--until SAMPLES"):
        stream(offline)
    model = stream(replace(offline, end=RecordingEnd(90)))
    assert model.notes == ("attention reaches back to the start of recordings of up to 90 samples",)
    assert sorted(tuple(value.shape or ()) for value in model.ir.graph.inputs)[-1] == (1, 89, 6)


@pytest.mark.slow
def test_keys_of_positions_come_from_a_table() -> None:
    source = "stream_authors_written:chunked_conformer"
    offline = torch_offline(source, name="net", time_axes={"x": 1})
    model = stream(replace(offline, end=RecordingEnd(398)))
    assert (
        model.notes[0]
        == "after 400 samples, positions keep the last of the 400 rows of 'unsqueeze'"
    )
    assert model.most_hops == 100
    assert model.stream.hop_samples == 4


def maximum(net: Net) -> str:
    """A pool whose windows lie after the end has no maximum."""
    return net.add("MaxPool", "x", kernel_shape=[3], strides=[1], pads=[1, 1])


def level(net: Net) -> str:
    """The power of what comes after the end is 0."""
    return net.add("Log", net.add("Mul", "x", "x"))


@pytest.mark.parametrize(("values_of", "delay"), [(maximum, 6), (level, 5)])
def test_values_that_are_not_finite_after_the_end(values_of, delay) -> None:
    """A weight of 0 must not make NaN of them."""
    net = Net()
    source = values_of(net)
    frames = net.add("Squeeze", net.add("Shape", source, start=2), net.const([0], np.int64))
    count = net.add("Range", net.const(0, np.int64), frames, net.const(1, np.int64))
    column = net.add("Unsqueeze", count, net.const([1], np.int64))
    masked = hidden(net, 1, -5, net.add("Sub", column, count))
    product, values = scores(net, net.add("Transpose", source, perm=[0, 2, 1]))
    weights = net.add("Softmax", net.add("Where", masked, net.const(-1e9), product), axis=-1)
    (model, *_) = check(net.model([1, 6, "T"], net.add("MatMul", weights, values)))
    assert delays(model) == [delay]
