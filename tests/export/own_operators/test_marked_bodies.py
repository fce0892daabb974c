"""The bodies of our layers compute the formulas of their pages."""

import numpy as np
import pytest
from own_functions import numbers, run_own_operator


def test_oscillators_are_harmonics_below_half_the_rate() -> None:
    rate, pitch = 1000, np.full((1, 1, 50), 180, np.float32)
    amplitudes = np.abs(numbers(1, 3, 50))
    (y,) = run_own_operator(
        "Oscillators", {"pitch": pitch, "amplitudes": amplitudes}, {"y": (1, 1, 50)}, rate=rate
    )
    phase = np.cumsum(pitch[0, 0].astype(np.float64) / rate)
    waves = [amplitudes[0, k - 1] * np.sin(2 * np.pi * k * phase) for k in (1, 2)]
    np.testing.assert_allclose(y[0, 0], sum(waves), atol=1e-5)  # the third is above 500 Hz


def test_a_selective_layer_is_its_recurrence() -> None:
    u, dt, a = numbers(1, 2, 7), np.abs(numbers(1, 2, 7, seed=1)), -np.abs(numbers(2, 3, seed=2))
    b, c, skip = numbers(1, 3, 7, seed=3), numbers(1, 3, 7, seed=4), numbers(2, seed=5)
    inputs = {"u": u, "dt": dt, "a": a, "b": b, "c": c, "skip": skip}
    (y,) = run_own_operator("SelectiveSSM", inputs, {"y": (1, 2, 7)})
    state = np.zeros((2, 3))
    for t in range(7):
        step = dt[0, :, t, None]
        state = np.exp(step * a) * state + step * b[0, :, t] * u[0, :, t, None]
        expected = state @ c[0, :, t] + skip * u[0, :, t]
        np.testing.assert_allclose(y[0, :, t], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "reference"),
    [("CumMax", np.maximum.accumulate), ("LogCumSumExp", np.logaddexp.accumulate)],
)
def test_what_runs_up_begins_at_the_first_frame(name: str, reference: np.ufunc) -> None:
    x = 30 * numbers(2, 3, 9)
    (y,) = run_own_operator(name, {"x": x}, {"y": (2, 3, 9)})
    np.testing.assert_allclose(y, reference(x.astype(np.float64), axis=-1), rtol=1e-5, atol=1e-5)
