"""Normal and uniform numbers from a counter, the same bits in Python and in C.

Words come from Philox4x32-10 (Salmon et al., SC 2011). An integer table of the inverse distribution function makes a
normal number of a word, so no libm takes part. In C, the draws of a sampler are `ek_normal_f32`, the noise of a stream
`ek_normal_noise_f32` and `ek_uniform_noise_f32`.
"""

from collections.abc import Sequence
from functools import cache
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgekit.base.arrays import Float32, Int32

GENERATOR = "philox4x32-10"
DISTRIBUTIONS = ("normal", "uniform")  # mean 0 and variance 1; from -1 up, below 1
ROUNDS = 10
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
WORD = np.uint64(0xFFFFFFFF)
OCTAVES = 31  # of the tail probability: a word's sign bit apart, 31 bits are left
PART_BITS = 5  # of the parts of an octave, as a power of two
UNIT = 2.0**-20  # of the table: |z| < 8, so a float32 holds every value

Words = NDArray[np.uint64]


def philox(counter: Sequence[ArrayLike], key: Sequence[ArrayLike]) -> tuple[Words, ...]:
    """Return the four 32-bit words of each counter, as uint64; counters and keys broadcast."""
    c0, c1, c2, c3 = (np.asarray(word, np.uint64) for word in counter)
    k0, k1 = (np.asarray(word, np.uint64) for word in key)
    for _ in range(ROUNDS):
        p0, p1 = c0 * np.uint64(MULTIPLIERS[0]), c2 * np.uint64(MULTIPLIERS[1])
        shift = np.uint64(32)
        c0, c1, c2, c3 = (p1 >> shift) ^ c1 ^ k0, p1 & WORD, (p0 >> shift) ^ c3 ^ k1, p0 & WORD
        k0, k1 = (k0 + np.uint64(WEYL[0])) & WORD, (k1 + np.uint64(WEYL[1])) & WORD
    return c0, c1, c2, c3


@cache
def quantiles() -> Int32:
    """Return the table: -inverse(r / 2^32) in `UNIT` at r = 2^k (1 + i / 2^PART_BITS), index (k << PART_BITS) + i.

    It falls from 6.2 to 0, which is the last knot, r = 2^31. Between knots it is read linearly: at
    most 7e-5 from the exact inverse.
    """
    parts = 1 << PART_BITS
    octave, part = np.divmod(np.arange(OCTAVES * parts + 1), parts)
    tails = np.ldexp(1 + part / parts, octave - 32)
    inverse = NormalDist().inv_cdf
    return np.array([round(-inverse(float(tail)) / UNIT) for tail in tails], np.int32)


def to_normal(words: Words) -> Float32:
    """Return the normal number of each 32-bit word: its sign from the top bit."""
    table = quantiles().astype(np.int64)
    tail = (words & np.uint64(0x7FFFFFFF) | np.uint64(1)).astype(np.int64)
    octave = np.frexp(tail.astype(np.float64))[1].astype(np.int64) - 1
    shift = np.maximum(octave - PART_BITS, 0)
    mantissa = (tail << np.maximum(PART_BITS - octave, 0)) >> shift  # 2^PART_BITS and its parts
    index = (octave << PART_BITS) + mantissa - (1 << PART_BITS)
    rest = tail & ((np.int64(1) << shift) - 1)
    fall = (table[index] - table[index + 1]) * rest >> shift
    value: Float32 = (table[index] - fall).astype(np.float32) * np.float32(UNIT)
    return np.where(words >> np.uint64(31) == 1, -value, value)


def normals(seeds: NDArray[np.uint64], draw: int, size: int) -> Float32:
    """Return (seeds, size) normal numbers: `size` of the draw with this number, for every seed.

    Element i is word ``i % 4`` of counter ``(i // 4, draw, 0, 0)`` under the seed as key.
    """
    blocks = np.arange(-(-size // 4), dtype=np.uint64)[None, :]
    seeds = np.asarray(seeds, np.uint64)[:, None]
    words = philox((blocks, np.uint64(draw), 0, 0), (seeds & WORD, seeds >> np.uint64(32)))
    stacked = np.stack(np.broadcast_arrays(*words), axis=-1)
    return to_normal(stacked.reshape(len(seeds), -1)[:, :size])


def to_uniform(words: Words) -> Float32:
    """Return the number in [-1, 1) of each 32-bit word: its upper 24 bits, which float32 holds."""
    upper = (words >> np.uint64(8)).astype(np.int64) - 2**23
    value: Float32 = upper.astype(np.float32) * np.float32(2.0**-23)
    return value


def noise(distribution: str, seed: int, first: int, count: int, port: int = 0) -> Float32:
    """Return (count,) numbers of an endless noise, from number `first` on.

    Number n is word ``n % 4`` of counter ``(low, high, port, 0)`` under the seed as key. The halves of ``n // 4`` are
    low and high. So port 0 begins as draw 0 of `normals` does.

    Args:
        distribution: one of `DISTRIBUTIONS`.
        seed: 64 bits.
        first: from 0 up.
        count: how many.
        port: which of several noises of one seed.
    """
    places = np.uint64(first) + np.arange(count, dtype=np.uint64)
    blocks = places >> np.uint64(2)
    halves = np.uint64(seed & 0xFFFFFFFF), np.uint64(seed >> 32 & 0xFFFFFFFF)
    four = philox((blocks & WORD, blocks >> np.uint64(32), np.uint64(port), 0), halves)
    words = np.choose((places & np.uint64(3)).astype(np.int64), np.broadcast_arrays(*four))
    return to_normal(words) if distribution == "normal" else to_uniform(words)
