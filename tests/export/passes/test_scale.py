"""Scales and shifts become weights of the layers beside them."""

import numpy as np
import pytest
from pass_networks import apply, draw, ops, parse

from edgekit.export.passes import (
    FoldScales,
)


@pytest.mark.parametrize(
    "op", ["Mul (m, c)", "Mul (c, m)", "Div (m, c)", "Sub (m, c)", "Sub (c, m)"]
)
@pytest.mark.parametrize(
    ("layer", "weights", "channels"),
    [
        ("Gemm <transB = 1> (x, w, b)", {"w": draw(6, 4), "b": draw(6)}, (6,)),
        ("Gemm (x, w)", {"w": draw(4, 6)}, (1, 6)),
        ("Conv <pads = [1, 1]> (x, w, b)", {"w": draw(6, 4, 3), "b": draw(6)}, (6, 1)),
    ],
)
def test_a_scale_or_shift_behind_a_layer_folds_into_it(op, layer, weights, channels):
    dims = "3,4" if layer.startswith("Gemm") else "1,4,5"
    model = parse(
        f"(float[{dims}] x) => (float[a,b] y) {{ m = {layer}  y = {op} }}".replace(
            "a,b", "3,6" if layer.startswith("Gemm") else "1,6,5"
        ),
        **weights,
        c=np.abs(draw(*channels)) + np.float32(0.5),
    )
    assert ops(apply(model, FoldScales())) == {layer.split()[0]: 1}


def test_a_scale_and_shift_in_front_of_gemm_fold_into_it():
    model = parse(
        """(float[3,4] x) => (float[3,6] y) {
          scaled = Div (x, deviation)
          centred = Sub (scaled, mean)
          y = Gemm (centred, w, b)
        }""",
        deviation=np.abs(draw(4)) + np.float32(0.5),
        mean=draw(1, 4),
        w=draw(4, 6),
        b=draw(6),
    )
    assert ops(apply(model, FoldScales())) == {"Gemm": 1}


def test_a_scale_in_front_of_a_padded_convolution_stays():
    model = parse(
        """(float[1,4,5] x) => (float[1,6,5] y) {
          shifted = Add (x, c)
          y = Conv <pads = [1, 1]> (shifted, w)
        }""",
        w=draw(6, 4, 3),
        c=draw(4, 1),
    )
    assert ops(apply(model, FoldScales())) == {"Add": 1, "Conv": 1}
