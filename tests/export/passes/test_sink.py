"""Reshapes leave the way between a layer and what folds into it."""

import numpy as np
from pass_networks import apply, draw, ops, parse

from edgekit.export.passes import (
    FoldScales,
    RaiseReshapes,
    SinkReshapes,
)


def test_a_reshape_sinks_behind_pointwise_operators():
    model = parse(
        """(float[2,6] x) => (float[2,3,2] y) {
          r = Reshape (x, dims)
          a = Relu (r)
          m = Mul (a, per_element)
          s = Sub (half, m)
          y = Softmax (s)
        }""",
        dims=np.array([2, 3, 2], np.int64),
        per_element=draw(2, 3, 2),
        half=np.full((1, 1), 0.5, np.float32),
    )
    order = [node.op_type for node in apply(model, SinkReshapes()).graph]
    assert order == ["Relu", "Mul", "Sub", "Reshape", "Softmax"]


def test_a_reshape_rises_above_scales_in_front_of_gemm():
    model = parse(
        """(float[1,4,1] x) => (float[1,6] y) {
          m = Mul (x, scale)
          r = Reshape (m, dims)
          y = Gemm (r, w)
        }""",
        scale=draw(4, 1),
        dims=np.array([1, 4], np.int64),
        w=draw(4, 6),
    )
    assert ops(apply(model, RaiseReshapes(), FoldScales())) == {"Reshape": 1, "Gemm": 1}
