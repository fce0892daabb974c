"""Products with a constant matrix become Gemm."""

import numpy as np
import pytest
from pass_networks import apply, draw, ops, parse, run

from edgekit.export.passes import (
    FoldScales,
    MatMulToGemm,
    simplify,
)


@pytest.mark.parametrize("add", ["Add (m, b)", "Add (b, m)"])
@pytest.mark.parametrize("shape", [(6,), (1, 6)])
def test_matmul_and_add_become_gemm(add, shape):
    model = parse(
        f"(float[3,4] x) => (float[3,6] y) {{ m = MatMul (x, w)  y = {add} }}",
        w=draw(4, 6),
        b=draw(*shape),
    )
    assert ops(apply(model, MatMulToGemm(), FoldScales())) == {"Gemm": 1}


def test_matmul_with_leading_axes_becomes_gemm_between_reshapes():
    model = parse("(float[2,3,4] x) => (float[2,3,6] y) { y = MatMul (x, w) }", w=draw(4, 6))
    assert ops(apply(model, MatMulToGemm())) == {"Reshape": 2, "Gemm": 1}


def test_a_product_that_others_read_keeps_its_bias_apart():
    model = parse(
        """(float[3,4] x) => (float[3,6] y, float[3,6] z) {
          m = MatMul (x, w)
          y = Add (m, b)
          z = Relu (m)
        }""",
        w=draw(4, 6),
        b=draw(6),
    )
    assert ops(apply(model, MatMulToGemm(), FoldScales())) == {"Gemm": 1, "Add": 1, "Relu": 1}


def test_products_without_names_do_not_share_values():
    model = parse(
        """(float[1,3,4] x) => (float[1,3,2] y, float[1,3,5] z) {
          y = MatMul (x, v)
          z = MatMul (x, w)
        }""",
        v=draw(4, 2),
        w=draw(4, 5),
    )
    _, before = run(model)
    simplify(model)
    for expected, found in zip(before, run(model)[1], strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
