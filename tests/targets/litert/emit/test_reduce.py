"""Reductions and softmax over any axes."""

import numpy as np
import pytest
from litert_files import builtins, refused, run
from one_node import network

from edgekit.base.arrays import Array

pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install ai-edge-litert")

X = np.random.default_rng(0).standard_normal((2, 6)).astype(np.float32)
AXIS = np.array([1], np.int64)


@pytest.mark.parametrize(
    ("operator", "exact"),
    [
        ("ReduceSum", X.sum(1)),
        ("ReduceMean", X.mean(1)),
        ("ReduceL2", np.sqrt((X**2).sum(1))),
        ("ReduceLogSumExp", np.log(np.exp(X).sum(1))),
    ],
)
def test_a_fold_gives_what_numpy_gives(operator: str, exact: Array) -> None:
    model = network("float[2,6] x", "float[2] y", f"y = {operator} <keepdims = 0> (x, k)", k=AXIS)
    np.testing.assert_allclose(run(model, {"x": X})["y"], exact, rtol=1e-5)


def test_softmax_over_a_first_axis_is_turned_to_the_last() -> None:
    model = network("float[2,6] x", "float[2,6] y", "y = Softmax <axis = 0> (x)")
    assert builtins(model) == ["TRANSPOSE", "SOFTMAX", "TRANSPOSE"]
    exact = np.exp(X) / np.exp(X).sum(0)
    np.testing.assert_allclose(run(model, {"x": X})["y"], exact, atol=1e-6)


def test_the_last_of_equal_elements_is_refused() -> None:
    node = "y = ArgMax <axis = 1, keepdims = 0, select_last_index = 1> (x)"
    assert refused(network("float[2,6] x", "int64[2] y", node)) == ["the last of equal ones"]
