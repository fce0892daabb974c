"""How far apart two right results may be, where other libraries or other kernels computed them in float32."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

ROUNDING = 2.0**-24  # what one float32 operation is off by at most, of its result


def assert_near(
    found: ArrayLike, expected: ArrayLike, roundings: float, size: ArrayLike | None = None
) -> None:
    """Assert that two float arrays of one shape differ by no more than so many roundings of what was summed.

    The formula, element by element::

        |found - expected| <= roundings * 2**-24 * size

    In whatever order a library adds n products, with or without fused ones, the sum is off by at most
    n * 2**-24 * sum(|a| * |b|) (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1). That is a bound
    by the operands: where a sum cancels, its own size says nothing, and another processor adds in another order.

    Args:
        found: what is tested.
        expected: what it should be, in float32 or float64.
        roundings: n for one sum, the longest sum times the count of layers for a network; twice that where
            `expected` was rounded as well.
        size: sum(|a| * |b|), of a shape that broadcasts to that of the arrays. Without it the peak of `expected`: for
            networks and transforms, which sum values of that size somewhere.

    Raises:
        AssertionError: shapes differ, or an element does; names the worst one. NaN equals NaN, infinity itself.
    """
    left, right = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    assert left.shape == right.shape, f"shapes {left.shape} and {right.shape}"
    if not left.size:
        return
    allowed = roundings * ROUNDING * _sizes(right, size)
    with np.errstate(invalid="ignore"):
        error = np.abs(left - right)
    error[(left == right) | (np.isnan(left) & np.isnan(right))] = 0
    bad = ~(error <= allowed)
    worst = np.unravel_index(np.argmax(np.where(bad, error - allowed, -1)), error.shape)
    assert not bad.any(), (
        f"{bad.sum()} of {bad.size} elements are too far apart; at {tuple(map(int, worst))} "
        f"{left[worst]:.9g} instead of {right[worst]:.9g}: {error[worst]:.3g}, allowed: {allowed[worst]:.3g}"
    )


def _sizes(expected: NDArray[np.float64], size: ArrayLike | None) -> NDArray[np.float64]:
    """The size of what was summed, for each element."""
    if size is None:
        size = np.abs(expected[np.isfinite(expected)]).max(initial=0)
    return np.broadcast_to(np.asarray(size, np.float64), expected.shape)
