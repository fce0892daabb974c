"""Local response normalization against torch."""

import math

import numpy as np
import pytest

from edgekit.operators import normalize


@pytest.mark.parametrize("shape", [(2, 5, 7), (1, 6, 3, 5), (2, 4, 2, 3, 2)])
@pytest.mark.parametrize("size", [1, 3, 5, 9])
def test_local_response_normalization_is_that_of_torch(shape: tuple[int, ...], size: int) -> None:
    torch = pytest.importorskip("torch", reason="needs torch: pip install torch")
    x = np.random.default_rng(size).standard_normal(shape).astype(np.float32)
    normed = torch.nn.functional.local_response_norm(torch.from_numpy(x), size, 0.3, 0.6, 1.5)
    rows = x.reshape(*shape[:2], -1)
    found = normalize.ek_lrn_f32(rows, size, 0.3 / size, 0.6, 1.5).reshape(shape)
    np.testing.assert_allclose(found, normed.numpy(), rtol=2e-6)


def test_an_even_size_of_local_response_normalization_reaches_further_behind() -> None:
    """The standard: from floor((size - 1) / 2) before to ceil((size - 1) / 2) behind."""
    x = np.random.default_rng(0).standard_normal((2, 6, 4)).astype(np.float32)
    for size in (2, 4, 10):
        found = normalize.ek_lrn_f32(x, size, 0.5, 0.75, 1.0)
        for c in range(6):
            first, last = c - math.floor((size - 1) / 2), c + math.ceil((size - 1) / 2)
            squares = x[:, max(first, 0) : last + 1].astype(np.float64) ** 2
            exact = x[:, c] / (1.0 + 0.5 * squares.sum(axis=1)) ** 0.75
            np.testing.assert_allclose(found[:, c], exact, rtol=2e-6)
