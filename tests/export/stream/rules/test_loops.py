"""Loops along time: a Scan of an ONNX file, one step per frame."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from stream_networks import Net, check, delays, refused

from edgekit.export.hop_runner import run_hops


def value(name: str, *shape: int):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape or None)


def step(*more):
    """One frame: h = 0.5 h + x, y = h * h; `more` nodes may change y."""
    half = numpy_helper.from_array(np.array(0.5, np.float32), "half")
    nodes = [
        helper.make_node("Mul", ["h", "half"], ["kept"]),
        helper.make_node("Add", ["kept", "frame"], ["next"]),
        *(more or [helper.make_node("Mul", ["next", "next"], ["y"])]),
    ]
    borders = [value("h", 1, 3), value("frame", 1, 3)], [value("next", 1, 3), value("y", 1, 3)]
    return helper.make_graph(nodes, "turn", *borders, [half])


def scan(net: Net, x: str, *, start=None, body=None, **attributes) -> str:
    first = start or net.const(np.zeros((1, 3)))
    axes = {"scan_input_axes": [2], "scan_output_axes": [2]} | attributes
    made = net.add("Scan", first, x, outputs=2, body=body or step(), num_scan_inputs=1, **axes)
    return f"{made}1"


@pytest.mark.parametrize(("left", "right"), [(2, 0), (0, 2), (4, 0)])
def test_a_state_that_starts_at_time_zero(left, right):
    net = Net()
    y = scan(net, net.conv("x", 3, 3, 3, left=left, right=right))
    for model in check(net.model([1, 3, "T"], y)):
        assert delays(model) == [right]


def test_it_is_the_recurrence_from_its_start():
    net = Net()
    y = scan(net, "x", start=net.const(np.ones((1, 3))))
    (model,) = check(net.model([1, 3, "T"], y), (2,))
    x = net.random.normal(size=(5, 1, 3, 2)).astype(np.float32)
    found = run_hops(model, {"x": x})[y].transpose(1, 2, 0, 3).reshape(3, 10)
    h, frames = np.ones(3), x.transpose(1, 2, 0, 3).reshape(3, 10).astype(np.float64)
    for t in range(10):
        h = 0.5 * h + frames[:, t]
        np.testing.assert_allclose(found[:, t], h * h, rtol=1e-4, atol=1e-5)


def test_a_first_state_that_follows_from_the_input_is_refused():
    net = Net()
    first = net.add("Squeeze", net.cut("x", 0, 1), net.const([2], np.int64))
    reason = refused(net, scan(net, "x", start=first), (1, 3, "T"))
    assert "'slice0': its output 'slice0_y' does not grow with time" in reason


def test_steps_that_read_all_of_time_are_refused():
    net = Net()
    net.nodes.append(helper.make_node("ReduceMax", ["x"], ["most"], keepdims=0))
    rows = net.add("Transpose", "x", perm=[0, 2, 1])
    more = [
        helper.make_node("MatMul", [rows, "column"], ["all"]),
        helper.make_node("Unsqueeze", ["next", "last"], ["column"]),
    ]
    more.reverse()
    total = helper.make_node("ReduceMax", ["all"], ["top"], keepdims=0)
    last = helper.make_node("Constant", [], ["last"], value_ints=[2])
    body = step(last, *more, total, helper.make_node("Add", ["next", "top"], ["y"]))
    net.nodes.pop(0)
    assert "steps read all of time" in refused(net, scan(net, "x", body=body), (1, 3, "T"))


def test_a_scan_from_the_end_is_refused():
    net = Net()
    reason = refused(net, scan(net, "x", scan_input_directions=[1]), (1, 3, "T"))
    assert "a loop in the network" in reason


def test_results_of_the_states_before_a_frame_come_with_the_frame_before_it():
    """Where the stream waits for its input anyway; without a delay nothing is gained."""
    body = step(helper.make_node("Tanh", ["h"], ["y"]))
    for right, delay in ((2, 1), (0, 0)):
        net = Net()
        data = net.model(
            [1, 3, "T"], scan(net, net.conv("x", 3, 3, 3, left=2 - right, right=right), body=body)
        )
        for model in check(data):
            assert delays(model) == [delay]
