"""Recurrent layers and running sums: what they start from, and which directions there are."""

import numpy as np
import pytest
from stream_networks import Net, check, delays, refused


@pytest.mark.rows(4)
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


@pytest.mark.parametrize(("kind", "direction"), [("GRU", "bidirectional"), ("LSTM", "reverse")])
def test_a_recurrence_from_the_end_is_refused(kind, direction):
    net = Net()
    found = refused(net, net.recurrent("x", 2, kind, direction))
    assert found.startswith(f"Slice '{kind.lower()}1")
    assert f"it reverses time for {kind}" in found and "bidirectional=False" in found


def test_a_sum_from_the_end_is_refused():
    net = Net()
    y = net.add("CumSum", "x", net.const(2, np.int64), reverse=1)
    assert "it sums from the end" in refused(net, y)


def test_a_sum_without_its_own_frame_is_known_a_frame_earlier():
    net = Net()
    sums = net.add("CumSum", net.conv("x", 2, 2, 3, right=2), net.const(2, np.int64), exclusive=1)
    data = net.model([1, 2, "T"], net.conv(sums, 2, 2, 2, right=1))
    for model in check(data):
        assert delays(model) == [2]
