"""Windows of front ends."""

import numpy as np

from edgekit.export.frontend.windows import make_window, summed_squares


def test_a_short_window_stands_at_the_end_of_its_frame() -> None:
    window = make_window("hann@40", 64)
    assert not window[:25].any() and window[25:].all()
    np.testing.assert_allclose(summed_squares(make_window("rect", 6), 4), [2, 2, 1, 1])
