"""Float sums in one fixed order, as the C kernels add."""

import numpy as np

from edgekit.operators.fixed_point import F32


def accumulate(start: F32, x: F32, w: F32) -> F32:
    """Return ``start + x @ w`` summed in ascending k.

    start ``(n,)``, x ``(..., k)``, w ``(k, n)``.
    """
    y = np.broadcast_to(start, (*x.shape[:-1], w.shape[1])).astype(np.float32)
    with np.errstate(all="ignore"):
        for i in range(w.shape[0]):
            y += x[..., i, None] * w[i]
    return y


def ordered_sum(x: F32) -> F32:
    """Sum over the last axis from left to right, keeping the axis."""
    with np.errstate(all="ignore"):
        return np.add.accumulate(x, axis=-1, dtype=np.float32)[..., -1:]
