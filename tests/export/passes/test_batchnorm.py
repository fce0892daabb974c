"""BatchNormalization becomes weights of a neighbour, or a scale and a shift."""

import pytest
from pass_networks import BN, apply, batchnorm_weights, draw, ops, parse

from edgekit.export.passes import (
    FoldBatchNorm,
)


@pytest.mark.parametrize(
    ("layer", "weights"),
    [
        ("Conv <pads = [1, 1]> (x, w, b)", {"w": draw(6, 4, 3), "b": draw(6)}),
        ("Conv <group = 2> (x, w)", {"w": draw(6, 2, 3)}),
        ("ConvTranspose <strides = [2]> (x, w, b)", {"w": draw(4, 6, 3), "b": draw(6)}),
        ("ConvTranspose <group = 2> (x, w)", {"w": draw(4, 3, 3)}),
    ],
)
def test_batchnorm_folds_into_the_convolution_before(layer, weights):
    model = parse(
        f"(float[1,4,9] x) => (float[1,6,t] y) {{ c = {layer}  y = {BN} (c, gamma, beta, mean, var) }}",
        **weights,
        **batchnorm_weights(6),
    )
    assert ops(apply(model, FoldBatchNorm())) == {layer.split()[0]: 1}


@pytest.mark.parametrize(
    ("layer", "weights"),
    [
        ("Gemm <alpha = 0.5, beta = 2.0> (x, w, b)", {"w": draw(4, 6), "b": draw(6)}),
        ("Gemm <transB = 1> (x, w)", {"w": draw(6, 4)}),
        ("MatMul (x, w)", {"w": draw(4, 6)}),
    ],
)
def test_batchnorm_folds_into_the_matrix_product_before(layer, weights):
    model = parse(
        f"(float[3,4] x) => (float[3,6] y) {{ c = {layer}  y = {BN} (c, gamma, beta, mean, var) }}",
        **weights,
        **batchnorm_weights(6),
    )
    assert ops(apply(model, FoldBatchNorm())) == {"Gemm": 1}


@pytest.mark.parametrize(
    ("layer", "weights"),
    [
        ("Gemm <alpha = 0.5, beta = 2.0> (n, w, b)", {"w": draw(4, 6), "b": draw(6)}),
        ("Gemm <transB = 1> (n, w)", {"w": draw(6, 4)}),
        ("MatMul (n, w)", {"w": draw(4, 6)}),
    ],
)
def test_batchnorm_folds_into_the_matrix_product_behind(layer, weights):
    model = parse(
        f"(float[3,4] x) => (float[3,6] y) {{ n = {BN} (x, gamma, beta, mean, var)  y = {layer} }}",
        **weights,
        **batchnorm_weights(4),
    )
    assert ops(apply(model, FoldBatchNorm())) == {"Gemm": 1}


def test_batchnorm_before_a_padded_convolution_stays_apart_from_it():
    """The padding is 0 behind the normalization: a shift in the bias would reach into it."""
    body = f"n = {BN} (x, gamma, beta, mean, var)  y = Conv <pads = [1, 1]> (n, w)"
    model = parse(
        f"(float[1,4,9] x) => (float[1,6,9] y) {{ {body} }}",
        w=draw(6, 4, 3),
        **batchnorm_weights(4),
    )
    assert ops(apply(model, FoldBatchNorm())) == {"Mul": 1, "Add": 1, "Conv": 1}


def test_batchnorm_without_a_layer_becomes_mul_and_add():
    model = parse(
        """(float[1,4,5] x) => (float[1,4,5] y, float[1,4,5] z) {
          c = Conv (x, w)
          z = Relu (c)
          y = BatchNormalization (c, gamma, beta, mean, var)
        }""",
        w=draw(4, 4, 1),
        **batchnorm_weights(4),
    )
    assert ops(apply(model, FoldBatchNorm())) == {"Conv": 1, "Relu": 1, "Mul": 1, "Add": 1}
