"""The twin of ``ek_micro_frontend``: TFLM's audio front end in integers, equal in every bit.

Arrays may have leading axes for frames, except in what carries a state.
"""

import numpy as np

from edgekit.base.arrays import Array, Float32, Int64
from edgekit.base.micro_tables import (
    HALF,
    LEAST_SIGNAL,
    LN_2,
    NOISE_BITS,
    POINTS,
    RATE_BITS,
    RATES,
    gain_table,
    log_table,
    twiddles,
)

FULL_SCALE = 32768
STAGES = (1, 4, 16, 64)  # how far apart the four operands of a butterfly lie


def ek_micro_frontend(
    pcm: Float32, history: Array, noise: Array, window: Array, matrix: Array
) -> list[Array]:
    """Return the features of one frame, int32 (bands,), and the next history and noise.

    Args:
        pcm: the samples of a step, full scale is 1.
        history: the samples before them, int16.
        noise: the estimate of each band, int32.
        window: of 2^12, (history and step).
        matrix: the weight of each bin in each band, of 2^12, (257, bands).
    """
    frame = np.concatenate([history, to_int16(pcm)])
    signal = band_signals(frame.astype(np.int64), window, matrix)
    features, following = features_of_signals(signal, noise.astype(np.int64))
    return [features.astype(np.int32), frame[pcm.size :], following.astype(np.int32)]


def to_int16(pcm: Float32) -> Array:
    """Return samples of 16 bits, rounded half to even; NaN, infinity and numbers from 2^20 on are 0."""
    scaled = np.where(np.abs(pcm) < 2**20, pcm, 0).astype(np.float64) * FULL_SCALE
    return np.clip(np.rint(scaled), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)


def band_signals(frames: Int64, window: Array, matrix: Array) -> Int64:
    """Return the square roots of the energies (..., bands) of frames (..., samples)."""
    weighed = frames * window >> 12
    size = np.where(weighed == -FULL_SCALE, 0, np.abs(weighed)).max(axis=-1)
    shift = 15 - bit_length(size)
    shifted = _wrap(weighed << shift[..., None])
    padded = np.zeros((*frames.shape[:-1], POINTS), np.int64)
    padded[..., : frames.shape[-1]] = shifted
    real, imaginary = _spectrum(padded)
    energy = real * real + imaginary * imaginary
    sums = (energy.astype(np.float64) @ matrix.astype(np.float64)).astype(np.int64)  # below 2^53
    return _root(sums) >> shift[..., None]


def bit_length(x: Int64) -> Int64:
    """Return the bits of numbers from 0 to below 2^52."""
    return np.frexp(x.astype(np.float64))[1].astype(np.int64)


def _wrap(x: Int64) -> Int64:
    return x.astype(np.int16).astype(np.int64)


def _round(x: Int64) -> Int64:
    return x + 16384 >> 15


def _product(ar: Int64, ai: Int64, br: Int64, bi: Int64) -> tuple[Int64, Int64]:
    return _round(ar * br - ai * bi), _round(ar * bi + ai * br)


def _digits_reversed() -> Int64:
    order = np.arange(HALF).reshape(4, 4, 4, 4)
    return order.transpose(3, 2, 1, 0).ravel()


def _spectrum(frames: Int64) -> tuple[Int64, Int64]:
    """Return the real transform (..., 257) of frames (..., 512), each step in 16 bits."""
    lead, table = frames.shape[:-1], twiddles()
    pairs = frames.reshape(*lead, HALF, 2)[..., _digits_reversed(), :]
    re, im = pairs[..., 0], pairs[..., 1]
    for apart in STAGES:
        shape = (*lead, HALF // (4 * apart), 4, apart)
        re, im = (_round(part.reshape(shape) * 8191) for part in (re, im))
        turns = np.arange(4)[:, None] * np.arange(apart) * (HALF // (4 * apart))
        tr, ti = _product(re, im, table[turns, 0], table[turns, 1])
        re, im = _butterfly(re[..., 0, :], im[..., 0, :], tr, ti)
    re, im = _round(re * 16383), _round(im * 16383)
    back = -np.arange(1, HALF // 2 + 1)
    ahead = np.arange(1, HALF // 2 + 1)
    sum_r, sum_i = re[..., ahead] + re[..., back], im[..., ahead] - im[..., back]
    off_r, off_i = re[..., ahead] - re[..., back], im[..., ahead] + im[..., back]
    tr, ti = _product(_wrap(off_r), _wrap(off_i), table[HALF:, 0], table[HALF:, 1])
    made_r, made_i = (np.zeros((*lead, HALF + 1), np.int64) for _ in range(2))
    first = re[..., 0], im[..., 0]
    made_r[..., 0], made_r[..., HALF] = first[0] + first[1], first[0] - first[1]
    sum_r, sum_i = _wrap(sum_r), _wrap(sum_i)
    made_r[..., ahead], made_i[..., ahead] = sum_r + tr >> 1, sum_i + ti >> 1
    made_r[..., HALF - ahead], made_i[..., HALF - ahead] = sum_r - tr >> 1, ti - sum_i >> 1
    return _wrap(made_r), _wrap(made_i)


def _butterfly(ar: Int64, ai: Int64, tr: Int64, ti: Int64) -> tuple[Int64, Int64]:
    """Return the sums of four operands, the first unturned, (..., 4 * apart of each group)."""
    br, cr, dr = (tr[..., n, :] for n in (1, 2, 3))
    bi, ci, di = (ti[..., n, :] for n in (1, 2, 3))
    less_r, less_i, more_r, more_i = ar - cr, ai - ci, ar + cr, ai + ci
    sum_r, sum_i, off_r, off_i = br + dr, bi + di, br - dr, bi - di
    re = [more_r + sum_r, less_r + off_i, more_r - sum_r, less_r - off_i]
    im = [more_i + sum_i, less_i - off_r, more_i - sum_i, less_i + off_r]
    lead = ar.shape[:-2]
    return tuple(_wrap(np.stack(part, axis=-2)).reshape(*lead, HALF) for part in (re, im))  # type: ignore[return-value]


def _root(x: Int64) -> Int64:
    """Return the nearest whole number to a square root, at most 65535 of numbers below 2^32."""
    root = np.floor(np.sqrt(x.astype(np.float64))).astype(np.int64)
    nearest = root + (x - root * root > root)
    return np.where(x < 2**32, np.minimum(nearest, 65535), nearest)


def features_of_signals(signal: Int64, noise: Int64) -> tuple[Int64, Int64]:
    """Return the features (bands,) of the signals of one frame, and the noise estimates after it."""
    rates = np.resize(RATES, signal.size)
    raised = signal << NOISE_BITS & 0xFFFFFFFF
    noise = raised * rates + noise * ((1 << RATE_BITS) - rates) >> RATE_BITS
    clean = raised - np.minimum(noise, raised) >> NOISE_BITS
    least = signal * LEAST_SIGNAL >> RATE_BITS
    return log_features(np.maximum(clean, least), noise), noise


def log_features(signal: Int64, noise: Int64) -> Int64:
    """Return features of clean signals: gain by the noise in each band, then the logarithm."""
    snr = signal * _gains(noise) >> 6
    value = np.where(snr < 8192, snr * snr >> 20, (snr >> 6) - 64)
    return _logarithm(value << 3)


def _gains(noise: Int64) -> Int64:
    bits = bit_length(noise)
    y0, a1, a2 = np.moveaxis(gain_table()[bits], -1, 0)
    below = noise - (1 << np.maximum(bits - 1, 0))
    part = np.where(bits > 11, below >> np.maximum(bits - 11, 0), below << np.maximum(11 - bits, 0))
    between = ((a2 * part >> 5) + 32 * a1) * part + (1 << 14) >> 15
    gains: Int64 = y0 + np.where(bits > 1, between, 0)
    return gains


def _logarithm(value: Int64) -> Int64:
    bits = np.maximum(bit_length(value) - 1, 0)
    part = ((value - (1 << bits)) << 16) >> bits
    segment, table = part >> 9, log_table()
    low, high = table[np.clip(segment, 0, 127)], table[np.clip(segment, 0, 127) + 1]
    log2 = (bits << 16) + part + low + ((high - low) * (part - (segment << 9)) >> 16)
    ln = LN_2 * log2 + 32768 >> 16
    return np.where(value > 1, (ln << 6) + 32768 >> 16, 0)
