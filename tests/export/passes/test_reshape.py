"""What only renames axes is one Reshape."""

from pass_networks import apply, ops, parse

from edgekit.export.passes import (
    FoldConstants,
    UnifyReshapes,
    simplify,
)


def test_what_renames_axes_becomes_one_reshape():
    model = parse(
        """(float[1,6,1,4] x) => (float[6,4] y, float[1,24] z) {
          t = Transpose <perm = [2, 1, 0, 3]> (x)
          axes = Constant <value_ints = [0]> ()
          s = Squeeze (t, axes)
          u = Unsqueeze (s, axes)
          v = Squeeze (u)
          y = Relu (v)
          z = Flatten (u)
        }"""
    )
    passes = (FoldConstants(), UnifyReshapes())
    simplified = simplify(apply(model, *passes))
    assert ops(simplified) == {"Reshape": 2, "Relu": 1}


def test_a_transpose_that_moves_data_stays():
    model = parse("(float[1,6,4] x) => (float[1,4,6] y) { y = Transpose <perm = [0, 2, 1]> (x) }")
    assert ops(apply(model, UnifyReshapes())) == {"Transpose": 1}
