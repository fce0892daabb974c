"""The compressor that the network learns: a feed-forward one with four controls, by formula.

A threshold T and a ratio R act on the level x of each sample in dB. Above the threshold, s is T + (x - T) / R - x;
elsewhere s is 0. The gain g follows s with one pole, fast or slow: g[n] = a g[n-1] + (1 - a) s[n], where a = exp(-ln 9
/ (rate t)). The time t is the attack time where s[n] < g[n-1], else the release time; y = x 10^(g / 20). Hawley,
Colburn and Mimilakis modelled a compressor with these equations in "SignalTrain" (AES 147, 2019).
"""

import numpy as np
from numpy.typing import NDArray

from edgekit.base.arrays import Float64

RATE = 44_100
HOP = 64  # samples that a turn of a knob waits for at most
KNOBS = ("threshold_db", "ratio", "attack_ms", "release_ms")
LOWEST = np.array([-30.0, 1.0, 1.0, 1.0])
HIGHEST = np.array([0.0, 5.0, 40.0, 40.0])
SILENCE_DB = -96.0


def gain_db(pcm: NDArray[np.floating], knobs: NDArray[np.floating]) -> Float64:
    """The gain of every sample.

    Args:
        pcm: (clips, samples), full scale 1, samples a whole number of `HOP`.
        knobs: (clips, 4, hops), in the units of `KNOBS`: the setting in each hop of `HOP` samples.

    Returns:
        (clips, samples) in dB, at most 0.
    """
    threshold, ratio, attack_ms, release_ms = np.asarray(knobs, np.float64).transpose(1, 2, 0)
    level = np.maximum(20 * np.log10(np.abs(pcm.T) + 1e-8), SILENCE_DB).reshape(-1, HOP, len(pcm))
    wanted = np.minimum(threshold[:, None] - level, 0) * (1 - 1 / ratio[:, None])
    fast, slow = (np.exp(-np.log(9) / (RATE * ms / 1000)) for ms in (attack_ms, release_ms))
    gain, out = np.zeros(len(pcm)), np.empty(wanted.shape)
    for hop, targets in enumerate(wanted):
        for n, target in enumerate(targets):
            gain = target + np.where(target < gain, fast[hop], slow[hop]) * (gain - target)
            out[hop, n] = gain
    return np.ascontiguousarray(out.reshape(-1, len(pcm)).T)


def compress(pcm: NDArray[np.floating], knobs: NDArray[np.floating]) -> Float64:
    """PCM (clips, samples) with the gain of `gain_db`."""
    return np.asarray(pcm * 10 ** (gain_db(pcm, knobs) / 20))


def error_to_signal(found: NDArray[np.floating], exact: NDArray[np.floating]) -> float:
    """The energy of the difference over that of the exact signal."""
    return float(np.square(found - exact).sum() / np.square(exact).sum())
