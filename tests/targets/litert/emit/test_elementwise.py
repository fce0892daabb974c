"""Operators of two operands and comparisons, one builtin each where LiteRT has it."""

import numpy as np
import pytest
from litert_files import builtins, run
from one_node import network

pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install ai-edge-litert")

X = np.array([[-2, 0, 1.5], [3, -0.5, 7]], np.float32)
Z = np.array([[1, 0, -1.5], [3, 4, -7]], np.float32)


@pytest.mark.parametrize(
    ("operator", "builtin", "function"),
    [
        ("Add", "ADD", np.add),
        ("Sub", "SUB", np.subtract),
        ("Max", "MAXIMUM", np.maximum),
        ("GreaterOrEqual", "GREATER_EQUAL", np.greater_equal),
        ("Equal", "EQUAL", np.equal),
    ],
)
def test_a_builtin_stands_for_the_operator(operator: str, builtin: str, function: np.ufunc) -> None:
    kind = "bool" if "EQUAL" in builtin else "float"
    model = network("float[2,3] x, float[2,3] z", f"{kind}[2,3] y", f"y = {operator} (x, z)")
    assert builtins(model) == [builtin]
    np.testing.assert_array_equal(run(model, {"x": X, "z": Z})["y"], function(X, Z))


def test_a_choice_takes_elements_of_both() -> None:
    node = "c = Less (x, z)\ny = Where (c, x, z)"
    model = network("float[2,3] x, float[2,3] z", "float[2,3] y", node)
    np.testing.assert_array_equal(run(model, {"x": X, "z": Z})["y"], np.where(X < Z, X, Z))
