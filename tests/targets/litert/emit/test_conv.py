"""Convolutions and products: with channels last, depthwise ones by their own kernel, transposed ones over zeros."""

import numpy as np
import pytest
import torch
from litert_files import builtins, refused, run
from one_node import network

pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install ai-edge-litert")

DRAW = np.random.default_rng(0).standard_normal
X = DRAW((1, 3, 8)).astype(np.float32)


@pytest.mark.parametrize(
    ("groups", "builtin"), [(1, "CONV_2D"), (3, "DEPTHWISE_CONV_2D")], ids=("dense", "depthwise")
)
def test_a_convolution_gives_what_torch_gives(groups: int, builtin: str) -> None:
    w = DRAW((3, 3 // groups, 3)).astype(np.float32)
    model = network("float[1,3,8] x", "float[1,3,6] y", f"y = Conv <group = {groups}> (x, w)", w=w)
    assert builtin in builtins(model)
    exact = torch.conv1d(torch.tensor(X), torch.tensor(w), groups=groups).numpy()
    np.testing.assert_allclose(run(model, {"x": X})["y"], exact, atol=1e-5)


def test_a_transposed_convolution_gives_what_torch_gives() -> None:
    w = DRAW((3, 4, 3)).astype(np.float32)
    model = network(
        "float[1,3,8] x", "float[1,4,17] y", "y = ConvTranspose <strides = [2]> (x, w)", w=w
    )
    exact = torch.conv_transpose1d(torch.tensor(X), torch.tensor(w), stride=2).numpy()
    np.testing.assert_allclose(run(model, {"x": X})["y"], exact, atol=1e-5)


def test_a_product_with_constants_is_fully_connected() -> None:
    w = DRAW((8, 5)).astype(np.float32)
    model = network("float[1,3,8] x", "float[1,3,5] y", "y = MatMul (x, w)", w=w)
    assert builtins(model) == ["FULLY_CONNECTED"]
    np.testing.assert_allclose(run(model, {"x": X})["y"], X @ w, atol=1e-5)


def test_weights_that_are_computed_are_refused() -> None:
    model = network("float[1,3,8] x, float[3,4,3] w", "float[1,4,10] y", "y = ConvTranspose (x, w)")
    assert refused(model) == ["computed weights"]
