"""Tables and constants of TFLM's audio front end: ``tensorflow/lite/experimental/microfrontend``, all in integers."""

import math
from functools import cache

import numpy as np

from edgekit.base.arrays import Float32, Int32, Int64

SAMPLE_RATE = 16000  # Hz
POINTS, HALF = 512, 256  # of the transform of a real frame, and of the complex one inside
LOW_HZ, HIGH_HZ = 125.0, 7500.0  # of the bands
BANDS = 40
WEIGHT_UNIT = 1 << 12  # 1, as windows and bands have it
RATES, RATE_BITS = (409, 983), 14  # of the noise in even and odd bands: 0.025 and 0.06 of 2^14
NOISE_BITS, LEAST_SIGNAL = 10, 819  # what noise reduction leaves at least: 0.05 of 2^14
GAIN_BITS, GAIN_OFFSET, GAIN_STRENGTH, GAIN_INPUT_BITS = 21, 80.0, 0.95, 7
LARGEST_GAIN = 32767
SEGMENTS, LN_2 = 128, 45426  # of the logarithm's table; ln 2 of 2^16
FEATURE_UNIT = 10 / 256  # of a feature where a network reads floats, as pymicro-features has it
# What a device makes of features for int8 networks, (256 f + 333) / 666 - 128. No feature is above 1153; up to 1824 a
# division by a power of two gives the same, which cores without 64-bit division compute fast.
LEVEL_FACTOR, LEVEL_HALF, LEVEL_DIVISOR, LEVEL_ZERO = 25191, 32692, 1 << 16, -128
LEVEL_SCALE = 26 / 255


def window_table(length: int) -> Int32:
    """Return the Hann window (length,) of 2^12, of float32 angles and correctly rounded float32 cosines."""
    angle = np.float32(math.pi * 2 / length) * (np.arange(length, dtype=np.float32) + 0.5)
    cosine = np.cos(angle.astype(np.float64)).astype(np.float32)
    return np.asarray(np.floor(WEIGHT_UNIT * (0.5 - 0.5 * cosine) + 0.5), np.int32)


def _mel(hz: Float32) -> Float32:
    ratio = (hz / np.float32(700)).astype(np.float64)
    return np.float32(1127) * np.log1p(ratio).astype(np.float32)


def band_matrix(bands: int) -> Int64:
    """Return the weight (257, bands) of each bin in each band, of 2^12; two bands share a bin."""
    low, high = _mel(np.array([LOW_HZ, HIGH_HZ], np.float32))
    spacing = (high - low) / np.float32(bands + 1)
    edges = low + spacing * np.arange(1, bands + 2, dtype=np.float32)
    bin_hz = np.float32(SAMPLE_RATE / POINTS)
    mels = _mel(np.arange(HALF + 1, dtype=np.float32) * bin_hz)
    below = np.concatenate([[low], edges])
    matrix = np.zeros((HALF + 1, bands + 1), np.int64)
    for place in range(int(1.5 + LOW_HZ / bin_hz), HALF + 1):
        band = int(np.searchsorted(edges, mels[place]))
        if band > bands:
            break
        weight = (edges[band] - mels[place]) / (edges[band] - below[band])
        matrix[place, band] = math.floor(WEIGHT_UNIT * (1 - weight) + 0.5)
        if band:
            matrix[place, band - 1] = math.floor(WEIGHT_UNIT * weight + 0.5)
    return matrix[:, :bands]


@cache
def twiddles() -> Int64:
    """Return cosines and sines (384, 2) of 32767: 256 of the complex transform, 128 that join its halves."""
    inner = -2 * math.pi * np.arange(HALF) / HALF
    joining = -math.pi * ((np.arange(HALF // 2) + 1) / HALF + 0.5)
    angle = np.concatenate([inner, joining])
    return np.floor(0.5 + 32767 * np.stack([np.cos(angle), np.sin(angle)], 1)).astype(np.int64)


def _gain(x: int) -> int:
    base = np.float32(np.float32(x) / np.float32(1 << GAIN_INPUT_BITS) + np.float32(GAIN_OFFSET))
    power = np.float32(float(base) ** -float(np.float32(GAIN_STRENGTH)))
    return min(LARGEST_GAIN, int(np.float32(power * np.float32(1 << GAIN_BITS)) + np.float32(0.5)))


@cache
def gain_table() -> Int64:
    """Return (33, 3): of numbers with so many bits the gain at the least of them, and two coefficients.

    The gain between is ``y0 + a1 t + a2 t^2``, t from 0 to 1. Of 0 to 2 bits it is the gain of 0, 1 and 2.
    """
    rows = [(_gain(0), 0, 0), (_gain(1), 0, 0), (_gain(2), 0, 0)]
    for bits in range(2, 33):
        least = 1 << (bits - 1)
        y0, y1, y2 = map(_gain, (least, least + least // 2, min(2 * least, 2**32 - 1)))
        first = 4 * (y1 - y0) - (y2 - y0)
        rows.append((y0, first, (y2 - y0) - first))
    return np.array([*rows[:2], *rows[3:]], np.int64)


@cache
def log_table() -> Int64:
    """Return (129,): ``log2(1 + t) - t`` of 2^16."""
    t = np.arange(SEGMENTS + 1) / SEGMENTS
    return np.rint(65536 * (np.log2(1 + t) - t)).astype(np.int64)
