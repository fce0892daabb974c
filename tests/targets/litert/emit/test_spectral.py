"""Transforms are products with constant matrices."""

import numpy as np
import pytest
from litert_files import builtins, run
from one_node import network

pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install ai-edge-litert")


def test_a_transform_gives_what_numpy_gives() -> None:
    numbers = {"n": np.int64(16), "k": np.int64(1)}
    node = "y = DFT <onesided = 1> (x, n, k)"
    model = network("float[1,16,1] x", "float[1,9,2] y", node, **numbers)
    x = np.random.default_rng(0).standard_normal((1, 16, 1)).astype(np.float32)
    exact = np.fft.rfft(x[..., 0].astype(np.float64))
    found = run(model, {"x": x})["y"]
    assert builtins(model).count("FULLY_CONNECTED") == 1
    np.testing.assert_allclose(found, np.stack([exact.real, exact.imag], -1), atol=1e-5)
