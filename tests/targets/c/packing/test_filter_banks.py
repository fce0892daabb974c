"""Banded matrices become stretches, which hold all that is not zero."""

import numpy as np
import pytest

from edgekit.export.frontend.features import triangles
from edgekit.targets.c.packing.filter_banks import bands_of


def test_the_stretches_of_a_bank_are_a_small_part_of_it() -> None:
    bank = triangles("htk", 40, 512, 16000, 60, 7600).astype(np.float32)
    bank[:, 7] = 0
    bands = bands_of(bank)
    assert bands is not None and bands.count[7] == 0
    assert bands.weights.size < bank.size / 20
    rebuilt, place = np.zeros_like(bank), 0
    for column, (first, count) in enumerate(zip(bands.first, bands.count, strict=True)):
        rebuilt[first : first + count, column] = bands.weights[place : place + count]
        place += count
    np.testing.assert_array_equal(rebuilt, bank)


@pytest.mark.parametrize("matrix", [None, np.ones((40, 40)), np.eye(8), np.ones((2, 30, 30))])
def test_other_matrices_are_left_whole(matrix: np.ndarray | None) -> None:
    assert bands_of(matrix) is None
