"""Operators along an axis against ONNX."""

import numpy as np
from near import assert_near
from onnx_operator import onnx_run

from edgekit.operators import axis_operators, normalize
from edgekit.operators.linear import twin as linear_twin
from edgekit.operators.spectral import twin as spectral_twin


def test_rows() -> None:
    rng = np.random.default_rng(10)
    x, scale, bias = (rng.standard_normal(s).astype(np.float32) for s in ((5, 33), (33,), (33,)))
    wide = x.astype(np.float64)
    e = np.exp(wide - wide.max(axis=1, keepdims=True))
    np.testing.assert_allclose(
        axis_operators.ek_softmax_f32(x), e / e.sum(axis=1, keepdims=True), rtol=1e-6
    )
    theirs = onnx_run("LayerNormalization", [x, scale, bias], axis=-1, epsilon=1e-5)[0]
    assert_near(normalize.ek_layernorm_f32(x, scale, bias, 1e-5), theirs, 2 * 33)
    w = rng.standard_normal((33, 4)).astype(np.float32)
    np.testing.assert_allclose(linear_twin.ek_matmul_f32(x, w), wide @ w, atol=1e-5)
    np.testing.assert_allclose(
        linear_twin.ek_fc_f32(x, w, bias[:4]), wide @ w + bias[:4], atol=1e-5
    )
    odd = np.array([1.0, np.nan, -np.inf, 8.5, -8.0, 1e-4, -1e-40], np.float32)
    assert spectral_twin.ek_finite_f32(odd, 1e-3, 8.0).tolist() == [1, 0, 0, 0, -8, 0, 0]
