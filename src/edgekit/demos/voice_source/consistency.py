"""Closures of recorded speech that agree with each other, for which no electroglottograph is needed.

A network that learnt from synthesised voices errs from period to period. The recording itself says how long each
period is, to a fraction of a sample: the lag at which the waveform around one closure correlates best with that around
the next. Least squares of instants and lags keep the mean place of closures and take their jitter away.
"""

from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.linalg import solveh_banded  # type: ignore[import-untyped]

from edgekit.base.arrays import Booleans, Float32, Float64
from edgekit.demos.voice_source.closures import RATE

LEAST_CORRELATION = 0.7
PERIODS_S = (0.002, 0.0185)
REACH, SEARCH = 0.6, 0.12  # of a period: half the window, and how far the lag may differ
WEIGHT = 100.0  # of a lag, relative to an instant


def consistent_closures(pcm: Float32, found: Float64) -> tuple[Float64, Booleans]:
    """Return instants in seconds, and for each but the last whether its period correlates with the next."""
    lags = waveform_lags(pcm, found)
    sure = np.isfinite(lags)
    weight = WEIGHT * sure
    pull = weight * np.nan_to_num(lags)
    bands = np.zeros((2, found.size))
    bands[0, 1:] = -weight
    bands[1] = 1 + np.append(weight, 0) + np.append(0, weight)
    right = found + np.append(0, pull) - np.append(pull, 0)
    return np.asarray(solveh_banded(bands, right)), sure


def waveform_lags(pcm: Float32, closed: Float64) -> Float64:
    """Return, from each closure to the next, the lag in seconds that the waveform shows, or NaN."""
    return np.array([_lag(pcm, *pair) for pair in pairwise(closed)])


def _lag(pcm: Float32, first: float, second: float) -> float:
    """Return the seconds from a closure to the next at which the waveform is most alike, or NaN."""
    if not PERIODS_S[0] < second - first < PERIODS_S[1]:
        return np.nan
    gap = (second - first) * RATE
    half, most = int(REACH * gap), max(int(SEARCH * gap), 4)
    here, there = round(first * RATE), round(second * RATE)
    if here < half or there + half + most > pcm.size:
        return np.nan
    window = pcm[here - half : here + half].astype(np.float64)
    others = sliding_window_view(pcm[there - half - most : there + half + most], 2 * half)
    window = window - window.mean()
    others = others - others.mean(1, keepdims=True)
    alike = others @ window / np.sqrt((others**2).sum(1) * (window**2).sum() + 1e-12)
    best = int(alike.argmax())
    if alike[best] < LEAST_CORRELATION or best in (0, alike.size - 1):
        return np.nan
    left, middle, right = alike[best - 1 : best + 2]
    part = 0.5 * (left - right) / min(left - 2 * middle + right, -1e-9)
    return float(there - most + best + part - here) / RATE
