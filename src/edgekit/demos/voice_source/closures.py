"""Closure instants from the network's output, and their scores."""

import numpy as np
from numpy.typing import NDArray

from edgekit.base.arrays import Booleans, Float32, Float64

RATE, HOP = 16_000, 16
DELAY = 96  # samples that the network waits for the signal after a closure
SPREAD = 3.0  # samples: of the bump that stands for a closure
ON = 0.35  # of the height of a bump
APART = int(0.0022 * RATE)  # samples between two closures, at least


def bumps(closed: Float64, size: int) -> Float32:
    """Return the target, sample by sample: a bump of height 1 at each closure, `DELAY` samples late."""
    out = np.zeros(size, np.float32)
    reach = int(4 * SPREAD)
    for instant in closed * RATE + DELAY:
        near = np.arange(max(int(instant) - reach, 0), min(int(instant) + reach + 1, size))
        bump = np.exp(-0.5 * ((near - instant) / SPREAD) ** 2)
        out[near] = np.maximum(out[near], bump.astype(np.float32))
    return out


def instants(said: NDArray[np.floating]) -> Float64:
    """Return closures in seconds: peaks of the output, a parabola through the three highest samples of each."""
    middle = said[1:-1]
    peaks = np.flatnonzero((middle > ON) & (middle >= said[:-2]) & (middle > said[2:])) + 1
    kept: list[int] = []
    for peak in peaks[np.argsort(-said[peaks])]:
        if all(abs(peak - other) >= APART for other in kept[-40:]) and not _close(peak, kept):
            kept.append(int(peak))
    at = np.sort(np.array(kept, int))
    left, here, right = (np.log(np.maximum(said[at + i], 1e-6)) for i in (-1, 0, 1))
    bend = np.minimum(left - 2 * here + right, -1e-9)
    return np.asarray((at + 0.5 * (left - right) / bend - DELAY) / RATE)


def _close(peak: int, kept: list[int]) -> bool:
    return bool(kept) and bool((np.abs(np.array(kept) - peak) < APART).any())


def score_closures(found: Float64, closed: Float64) -> tuple[int, int, Float64]:
    """Return the number of closures found, of false detections, and the errors of the found ones, in seconds.

    A closure is identified by one detection within half a period of it (Naylor et al., IEEE TASLP 15, 2007). A second
    one there, and one near no closure, are false.
    """
    if not found.size or not closed.size:
        return 0, int(found.size), np.zeros(0)
    gaps = np.diff(closed, prepend=closed[0] - 0.01, append=closed[-1] + 0.01).clip(max=0.015)
    low, high = closed - gaps[:-1] / 2, closed + gaps[1:] / 2
    first, last = np.searchsorted(found, low), np.searchsorted(found, high)
    count = last - first
    errors = found[first[count == 1]] - closed[count == 1]
    inside = int(count.sum())
    return int((count == 1).sum()), found.size - inside + int((count - 1).clip(min=0).sum()), errors


def equal_periods(found: Float64, first: Float64, second: Float64, share: float = 0.02) -> Booleans:
    """Return for each period, from `first` to `second` in seconds, whether it was found as long as it is.

    There are two detections from half a period before it to half a period after it, and the time between them differs
    by at most `share` of the period.
    """
    half = (second - first) / 2
    low, high = np.searchsorted(found, first - half), np.searchsorted(found, second + half)
    two = high - low == 2
    steps = np.zeros(first.size)
    steps[two] = found[low[two] + 1] - found[low[two]]
    return np.asarray(two & (np.abs(steps - 2 * half) <= 2 * half * share))
