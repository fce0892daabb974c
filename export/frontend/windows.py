"""The windows that a front end may name."""

import numpy as np

from edgekit.base.arrays import Array

# periodic windows, as torch has them, and symmetric ones, as np.hanning(N_FFT) makes them
WINDOWS = (
    "hann",
    "sqrt_hann",
    "hamming",
    "hann_sym",
    "sqrt_hann_sym",
    "hamming_sym",
    "vorbis",
    "rect",
)


def make_window(name: str, length: int) -> Array:
    """Return a window (length,) in float64; `name` is one of `WINDOWS`, or one of them and ``@`` its own length."""
    if "@" in name:
        name, _, own = name.partition("@")
        return np.pad(make_window(name, int(own)), (length - int(own), 0))
    if name == "rect":
        return np.ones(length)
    if name == "vorbis":  # the power-complementary window of Vorbis I
        sine = np.sin(np.pi * (np.arange(length) + 0.5) / length)
        return np.asarray(np.sin(np.pi / 2 * sine**2))
    shape, period = name.removesuffix("_sym"), length - 1 if name.endswith("_sym") else length
    cosine = np.cos(2 * np.pi * np.arange(length) / period)
    if shape == "hamming":
        return np.asarray(0.54 - 0.46 * cosine)
    hann = 0.5 - 0.5 * cosine
    return np.asarray(hann if shape == "hann" else np.sqrt(np.maximum(hann, 0)))


def summed_squares(window: Array, hop: int) -> Array:
    """Return ``sum_k window[n + k * hop]^2`` for n in 0..hop - 1."""
    padded = np.concatenate([window**2, np.zeros(-len(window) % hop)])
    return np.asarray(padded.reshape(-1, hop).sum(axis=0))
