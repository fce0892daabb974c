"""Operands that not every number suits, before frame 0 of a late stream."""

import numpy as np
import pytest
from onnx import TensorProto
from stream_networks import Net, check, delays


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


def test_a_norm_that_cannot_divide_by_zero_is_left_as_it_is():
    net = Net()
    late = net.conv("x", 2, 2, 3, left=1, right=1)
    mean = net.add("ReduceMean", net.add("Mul", late, late), net.const([1], np.int64))
    y = net.add("Div", late, net.add("Sqrt", net.add("Add", mean, net.const(1e-5))))
    (model, *_) = check(net.model([1, 2, "T"], y))
    kinds = [node.op_type for node in model.ir.graph]
    assert "Where" not in kinds
