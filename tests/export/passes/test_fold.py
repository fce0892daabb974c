"""What depends on constants alone is computed at import."""

import numpy as np
from pass_networks import apply, draw, ops, parse

from edgekit.export.passes import (
    FoldConstants,
)


def test_constants_fold_with_the_slices_around_a_weight():
    model = parse(
        """(float[2,4] x) => (float[2,6] y) {
          zero = Constant <value_ints = [0]> ()
          three = Constant <value_ints = [3]> ()
          six = Constant <value_ints = [6]> ()
          low = Slice (w, zero, three, zero)
          high = Slice (w, three, six, zero)
          swapped = Concat <axis = 0> (high, low)
          turned = Transpose <perm = [1, 0]> (swapped)
          y = MatMul (x, turned)
        }""",
        w=draw(6, 4),
    )
    assert ops(apply(model, FoldConstants())) == {"MatMul": 1}


def test_a_constant_of_several_parts_is_left_without_a_word(caplog):
    text = "(float[2] x) => (float[2] y) { a, b = Split<axis=0>(w, parts) y = Add(x, a) }"
    model = parse(text, w=draw(4), parts=np.array([2, 2]))
    apply(model, FoldConstants())
    assert ops(model) == {"Split": 1, "Add": 1}
    assert not caplog.records


def test_shape_chains_disappear_behind_static_shapes():
    model = parse(
        """(float[2,3,4] x) => (float[2,12] y) {
          s = Shape (x)
          i = Constant <value_ints = [0]> ()
          first = Gather (s, i)
          rest = Constant <value_ints = [-1]> ()
          dims = Concat <axis = 0> (first, rest)
          y = Reshape (x, dims)
        }"""
    )
    assert ops(apply(model, FoldConstants())) == {"Reshape": 1}


def test_a_large_weight_folds_too():
    model = parse(
        "(float[1,800] x) => (float[1,800] y) { t = Transpose (w)  y = MatMul (x, t) }",
        w=draw(800, 800),
    )
    assert ops(apply(model, FoldConstants(), tolerance=1e-5)) == {"MatMul": 1}


def test_quantized_weights_do_not_fold():
    model = parse(
        """(float[1,4] x) => (float[1,4] y) {
          scale = Constant <value_float = 0.1> ()
          w = DequantizeLinear (q, scale)
          y = MatMul (x, w)
        }""",
        q=np.arange(16, dtype=np.int8).reshape(4, 4),
    )
    assert ops(apply(model, FoldConstants())) == {"DequantizeLinear": 1, "MatMul": 1}
