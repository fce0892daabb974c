"""Pooling, whose means leave padding out or count it."""

import numpy as np
import pytest
import torch
from litert_files import builtins, run
from one_node import network

pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install ai-edge-litert")

X = np.random.default_rng(0).standard_normal((1, 2, 6)).astype(np.float32)


@pytest.mark.parametrize("counts", [0, 1])
def test_a_mean_counts_padding_or_leaves_it_out(counts: int) -> None:
    node = f"y = AveragePool <kernel_shape = [3], pads = [1, 1], count_include_pad = {counts}> (x)"
    model = network("float[1,2,6] x", "float[1,2,6] y", node)
    exact = torch.nn.functional.avg_pool1d(
        torch.tensor(X), 3, 1, 1, count_include_pad=bool(counts)
    ).numpy()
    np.testing.assert_allclose(run(model, {"x": X})["y"], exact, atol=1e-6)


def test_a_largest_element_is_that_of_torch() -> None:
    node = "y = MaxPool <kernel_shape = [2], strides = [2]> (x)"
    model = network("float[1,2,6] x", "float[1,2,3] y", node)
    assert "MAX_POOL_2D" in builtins(model)
    exact = torch.nn.functional.max_pool1d(torch.tensor(X), 2).numpy()
    np.testing.assert_array_equal(run(model, {"x": X})["y"], exact)
