"""What an elementwise operator's NumPy function does becomes operators of LiteRT, one by one."""

import numpy as np
import pytest
from litert_files import builtins, refused, run
from one_node import network

pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install ai-edge-litert")


def test_a_function_without_a_builtin_is_spelled_as_numpy_computes_it() -> None:
    model = network("float[2,3] x", "float[2,3] y", "y = ThresholdedRelu <alpha = 0.5> (x)")
    x = np.array([[-1, 0.5, 0.6], [2, 0, -0.0]], np.float32)
    assert len(builtins(model)) > 1
    np.testing.assert_array_equal(run(model, {"x": x})["y"], np.where(x > 0.5, x, 0))


def test_a_function_that_litert_lacks_is_named() -> None:
    model = network("int32[3] x, int32[3] z", "int32[3] y", "y = BitwiseAnd (x, z)")
    assert refused(model) == ["the function bitwise_and"]
