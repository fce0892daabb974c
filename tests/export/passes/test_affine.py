"""What an Add, Div, Mul or Sub with a constant is per channel, and what a layer holds."""

import numpy as np
import pytest
from pass_networks import draw, parse

from edgekit.export.passes.affine import channel_affine, layer_constants, varying_input

C = np.array([0.5, -2, 4], np.float32).reshape(3, 1)
X = np.arange(12, dtype=np.float64).reshape(1, 3, 4)


@pytest.mark.parametrize(
    ("op", "function"),
    [
        ("Mul (x, c)", lambda x: x * C),
        ("Add (c, x)", lambda x: x + C),
        ("Sub (x, c)", lambda x: x - C),
        ("Sub (c, x)", lambda x: C - x),
        ("Div (x, c)", lambda x: x / C),
    ],
)
def test_scale_and_shift_are_those_of_the_operator(op, function) -> None:
    (node,) = parse(f"(float[1,3,4] x) => (float[1,3,4] y) {{ y = {op} }}", c=C).graph
    data = varying_input(node)
    assert data is not None and data.name == "x"
    scale, shift = channel_affine(node, data)
    np.testing.assert_array_equal(X * scale[:, None] + shift[:, None], function(X))


@pytest.mark.parametrize(
    ("op", "constant"),
    [
        ("Div (c, x)", C),
        ("Div (x, c)", np.zeros((3, 1), np.float32)),
        ("Mul (x, c)", draw(4)),
        ("Mul (x, c)", draw(2, 3, 1)),
        ("Max (x, c)", C),
    ],
)
def test_what_is_no_scale_and_shift_per_channel_is_none(op: str, constant) -> None:
    text = f"(float[1,3,4] x) => (float[a,b,d] y) {{ y = {op} }}"
    model = parse(text, c=constant)
    (node,) = model.graph
    assert channel_affine(node, model.graph.inputs[0]) is None


@pytest.mark.parametrize(
    ("layer", "shapes"),
    [
        ("Gemm (x, w, b)", [(3, 2), (2,)]),
        ("Gemm (x, w)", [(3, 2), None]),
        ("Gemm (x, w, x)", None),
        ("Gemm (x, x)", None),
    ],
)
def test_weights_and_bias_are_constants_or_nothing_is_known(layer: str, shapes) -> None:
    model = parse(f"(float[3,3] x) => (float[a,b] y) {{ y = {layer} }}", w=draw(3, 2), b=draw(2))
    found = layer_constants(next(iter(model.graph)))
    assert (found and [None if a is None else a.shape for a in found]) == shapes
