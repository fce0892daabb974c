"""Tables of TFLM's front end: what the facts of its sources say of them."""

import numpy as np

from edgekit.base import micro_tables


def test_the_window_is_half_a_period_of_4096() -> None:
    window = micro_tables.window_table(480)
    assert window[0] == 0 and window[239] == window[240] == 4096
    uneven = np.flatnonzero(window != window[::-1])
    assert uneven.tolist() == [17, 462] and window[17] == 54  # float32 angles, as TFLM has them


def test_bands_share_their_bins_and_are_silent_outside() -> None:
    matrix = micro_tables.band_matrix(40)
    heard = np.flatnonzero(matrix.any(axis=1))
    assert (heard[0], heard[-1], len(heard)) == (5, 239, 235)  # of bin 240 the last band has 0
    sums = matrix.sum(axis=1)[heard]
    assert set(sums[2:-15]) <= {4096, 4097}  # of bins between two bands


def test_gains_fall_and_each_piece_ends_where_the_next_begins() -> None:
    table = micro_tables.gain_table()
    assert table.shape == (33, 3) and table[:2, 0].tolist() == [32636, 32633]
    pieces = table[2:]
    assert np.all(np.diff(table[:, 0]) <= 0)
    np.testing.assert_array_equal(pieces.sum(axis=1)[:-1], pieces[1:, 0])


def test_the_logarithm_is_exact_at_powers_of_two() -> None:
    table = micro_tables.log_table()
    assert table[0] == table[128] == 0 and table.max() == 5641


def test_levels_are_those_of_the_devices() -> None:
    features = np.arange(1825)
    scaled = features * micro_tables.LEVEL_FACTOR + micro_tables.LEVEL_HALF
    ours = scaled // micro_tables.LEVEL_DIVISOR
    np.testing.assert_array_equal(ours, (256 * features + 333) // 666)
