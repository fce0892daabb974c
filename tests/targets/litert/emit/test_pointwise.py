"""Functions of one element: a builtin where LiteRT has it, else what the float64 form spells."""

import numpy as np
import pytest
import torch
from litert_files import builtins, run
from one_node import network

pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install ai-edge-litert")

X = np.linspace(-3, 3, 12, dtype=np.float32).reshape(2, 6)


@pytest.mark.parametrize(
    ("operator", "function"),
    [
        ("Tanh", torch.tanh),
        ("Erf", torch.erf),
        ("Softplus", torch.nn.functional.softplus),
        ("Mish", torch.nn.functional.mish),
    ],
)
def test_a_function_is_near_that_of_torch(operator: str, function: object) -> None:
    model = network("float[2,6] x", "float[2,6] y", f"y = {operator} (x)")
    exact = function(torch.tensor(X.astype(np.float64))).numpy()  # type: ignore[operator]
    np.testing.assert_allclose(run(model, {"x": X})["y"], exact, atol=1e-5)


def test_limits_are_a_maximum_and_a_minimum() -> None:
    limits = {"a": np.float32(0), "b": np.float32(2)}
    model = network("float[2,6] x", "float[2,6] y", "y = Clip (x, a, b)", **limits)
    assert {"MAXIMUM", "MINIMUM"} <= set(builtins(model))
    np.testing.assert_array_equal(run(model, {"x": X})["y"], np.clip(X, 0, 2))
