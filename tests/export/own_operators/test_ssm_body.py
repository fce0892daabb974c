"""The convolution in the body of a state-space layer is its recurrence."""

import numpy as np
from own_functions import numbers, run_own_operator


def test_the_convolution_is_the_recurrence() -> None:
    groups, states, width, frames = 2, 3, 2, 9
    angles, sizes = numbers(groups, states), 0.9 * np.abs(np.tanh(numbers(groups, states, seed=1)))
    a = sizes * np.exp(1j * angles)
    b = numbers(groups, states, width, seed=2) + 1j * numbers(groups, states, width, seed=3)
    c = numbers(groups, width, states, seed=4) + 1j * numbers(groups, width, states, seed=5)
    u, skip = numbers(1, groups * width, frames, seed=6), numbers(groups * width, seed=7)
    parts = {
        name: np.stack([z.real, z.imag]).astype(np.float32)
        for name, z in (("transition", a), ("drive", b), ("readout", c))
    }
    (y,) = run_own_operator(
        "DiagonalSSM", {"u": u, **parts, "skip": skip}, {"y": u.shape}, groups=groups
    )
    state = np.zeros((groups, states), complex)
    for t in range(frames):
        now = u[0, :, t].reshape(groups, width)
        state = a * state + np.einsum("gsw,gw->gs", b, now)
        expected = 2 * np.einsum("gws,gs->gw", c, state).real.ravel() + skip * u[0, :, t]
        np.testing.assert_allclose(y[0, :, t], expected, rtol=1e-4, atol=1e-4)
