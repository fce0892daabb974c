"""Whether frames of sound are periodic, by their autocorrelation: a judge that the listener has no part in."""

import numpy as np

from edgekit.base.arrays import Booleans, Float32, Float64

RATE, HOP, FRAME = 16_000, 64, 640
LAGS = np.arange(32, 267)  # of 500 to 60 Hz
CLEAR, UNVOICED = 0.85, 0.6  # of the correlation
RANGE_DB = 25.0  # below the loudest frame: quieter ones are not judged
LATE = 6  # frames: the played sound comes 24 ms late


def correlations(pcm: Float32) -> tuple[Float64, Float64]:
    """Return the highest normalised autocorrelation of each frame (frames,), and its level in dB.

    A frame has the last 640 samples of `pcm` (samples,), before which there is silence.
    """
    whole = np.pad(pcm[: pcm.size // HOP * HOP].astype(np.float64), (FRAME - HOP, 0))
    frames = np.lib.stride_tricks.sliding_window_view(whole, FRAME)[::HOP]
    frames = frames - frames.mean(1, keepdims=True)
    spectra = np.fft.rfft(frames, 2 * FRAME)
    products = np.fft.irfft(np.square(np.abs(spectra)), 2 * FRAME)[:, LAGS]
    energy = np.pad(np.cumsum(np.square(frames), 1), ((0, 0), (1, 0)))
    first, last = energy[:, FRAME - LAGS], energy[:, -1:] - energy[:, LAGS]
    found = (products / np.sqrt(first * last + 1e-12)).max(1)
    return found, 10 * np.log10(energy[:, -1] / FRAME + 1e-12)


def clearly_voiced(voice: Float32) -> Booleans:
    """Return which frames of a voice (samples,) are clearly periodic, and not quiet."""
    found, level = correlations(voice)
    return np.asarray((found > CLEAR) & (level > level.max() - RANGE_DB))


def unvoiced_percent(voice: Float32, played: Float32) -> float:
    """Return the share of clearly voiced frames of a voice where what is played after it is not periodic, in %."""
    clear, found = clearly_voiced(voice)[:-LATE], correlations(played)[0][LATE:]
    size = min(clear.size, found.size)
    return 100 * float((found[:size][clear[:size]] < UNVOICED).mean())
