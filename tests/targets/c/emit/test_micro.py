"""The tables of the audio front end, as C has them."""

import numpy as np

from edgekit.base.micro_tables import band_matrix
from edgekit.targets.c.emit.micro import bin_table


def test_a_bin_has_its_first_band_and_two_weights() -> None:
    matrix = band_matrix(40)
    table = bin_table(matrix)
    again = np.zeros((257, 41), np.int64)
    for place, (band, own, behind) in enumerate(table):
        again[place, band] += own
        again[place, band + 1] += behind
    np.testing.assert_array_equal(again[:, :40], matrix)
    assert not again[:, 40].any()
