"""The bodies of filters are convolutions."""

import numpy as np
from own_functions import numbers, run_own_operator


def test_a_response_of_each_channel_is_convolved_with_it() -> None:
    x, response = numbers(2, 3, 20), numbers(3, 6, seed=1)
    (y,) = run_own_operator(
        "PartitionedFIR", {"x": x, "response": response}, {"y": x.shape}, channels=3
    )
    for batch in range(2):
        for channel in range(3):
            expected = np.convolve(x[batch, channel], response[channel])[:20]
            np.testing.assert_allclose(y[batch, channel], expected, atol=1e-5)


def test_flat_magnitudes_delay_noise_by_half_a_filter() -> None:
    noise, bins, block = numbers(1, 1, 24), 4, 8
    flat = np.ones((1, bins, 3), np.float32)
    inputs = {"noise": noise, "magnitudes": flat}
    (y,) = run_own_operator("FilteredNoise", inputs, {"y": noise.shape}, block=block)
    late = bins - 1
    np.testing.assert_allclose(y[0, 0, late:], noise[0, 0, :-late], atol=1e-5)
    np.testing.assert_allclose(y[0, 0, :late], 0, atol=1e-5)
