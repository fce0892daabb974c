"""Products with constant matrices that are mostly zero, as banks of filters: each column is one stretch of weights."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgekit.base.arrays import Float32, Int16

SMALLEST = 512  # elements of a matrix from which it is worth two tables
SAVED = 3  # the least ratio of a matrix's elements to those of its stretches


@dataclass(frozen=True)
class Bands:
    """The columns of a matrix (k, n).

    Attributes:
        first: (n,) int16, the row of the first weight of a column.
        count: (n,) int16, the rows from there to its last weight.
        weights: of all columns, one after another.
    """

    first: Int16
    count: Int16
    weights: Float32


def bands_of(matrix: NDArray[np.generic] | None) -> Bands | None:
    """Return the stretches of a constant float matrix; None where they are not much less than all of it."""
    if matrix is None or matrix.ndim != 2 or matrix.size < SMALLEST or len(matrix) > 1 << 14:
        return None
    filled = matrix != 0
    first = np.argmax(filled, axis=0)
    count = np.where(filled.any(axis=0), len(matrix) - np.argmax(filled[::-1], axis=0) - first, 0)
    if count.sum() * SAVED > matrix.size:
        return None
    parts = [matrix[a : a + c, j] for j, (a, c) in enumerate(zip(first, count, strict=True))]
    weights = np.concatenate(parts).astype(np.float32)
    return Bands(first.astype(np.int16), count.astype(np.int16), weights)
