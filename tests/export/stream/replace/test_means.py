"""Which reductions are variances, and what running means are."""

import numpy as np
import onnx_ir as ir
import pytest

from edgekit.export.stream.replace.means import reduced_axes, variance_of


def mean(x: ir.Value, axis: int = 2, keepdims: int = 1) -> ir.Node:
    axes = ir.val("axes", const_value=ir.tensor(np.array([axis])))
    node = ir.node("ReduceMean", [x, axes], {"keepdims": keepdims})
    node.outputs[0].shape = ir.Shape([1 if n == axis else s for n, s in enumerate((1, 3, 24))])
    return node


def spread(x: ir.Value, middle: ir.Node, power: object = None) -> ir.Value:
    difference = ir.node("Sub", [x, middle.outputs[0]]).outputs[0]
    difference.shape = x.shape
    exponent = ir.val("power", const_value=ir.tensor(np.array(power, np.float32)))
    squares = (
        ir.node("Mul", [difference] * 2)
        if power is None
        else ir.node("Pow", [difference, exponent])
    )
    squares.outputs[0].shape = x.shape
    return squares.outputs[0]


@pytest.mark.parametrize("power", [None, 2])
def test_a_mean_of_squares_around_the_mean_is_a_variance(power):
    x = ir.val("x", ir.DataType.FLOAT, (1, 3, 24))
    node = mean(spread(x, mean(x), power))
    assert variance_of(node) is x
    assert reduced_axes(node) == [2]


def test_other_means_are_none():
    x, other = (ir.val(name, ir.DataType.FLOAT, (1, 3, 24)) for name in "xy")
    assert variance_of(mean(x)) is None
    assert variance_of(mean(spread(x, mean(x), 3))) is None
    assert variance_of(mean(spread(x, mean(other)))) is None
    assert variance_of(mean(spread(x, mean(x, axis=1)))) is None
    assert variance_of(mean(spread(x, mean(x, keepdims=0)))) is None
