"""A simulated touch sensor that drifts, and the position that it measures.

Four pads measure the position p of a stylus, two numbers that wander within seconds. The output of a pad is ``tanh(w
p)`` plus the disturbances of soft sensors: a drift of minutes, a vibration of the machine that holds it, and noise. The
pads are the same in all recordings; the drift, the vibration and the noise are new in each.
This is the task of Bhirangi et al., "Hierarchical State Space Models" (ICML 2024): raw samples in, a slower label out.
"""

import numpy as np

from edgekit.base.arrays import Float32

RATE, CHUNK = 50, 10  # samples per second, and of a label
PADS, AXES = 4, 2
WEIGHTS = np.array([[1.1, 0.3], [-0.4, 1.2], [-0.9, -0.7], [0.5, -1.0]])
DRIFT, DRIFT_S = 0.5, 300.0  # of a pad: its standard deviation, and how long it lasts
WANDER_S = 3.0  # of the position
VIBRATION, NOISE = 0.4, 0.3
VIBRATION_HZ = (6.0, 18.0)
SETTLE = 20 * RATE  # samples before a recording begins


def one_pole(drawn: np.ndarray, seconds: float, start: np.ndarray) -> np.ndarray:
    """Filter the last axis through a pole with a time constant in seconds, from a state (all axes but the last)."""
    pole = np.exp(-1 / (RATE * seconds))
    out, state = np.empty_like(drawn), start
    for n in range(drawn.shape[-1]):
        out[..., n] = state = pole * state + (1 - pole) * drawn[..., n]
    return out


def one_pole_noise(
    random: np.random.Generator, shape: tuple[int, ...], seconds: float
) -> np.ndarray:
    """Return noise of variance 1 along the last axis, through one pole of a time constant, in its steady state."""
    pole = np.exp(-1 / (RATE * seconds))
    loud = np.sqrt((1 + pole) / (1 - pole))
    drawn = random.standard_normal(shape)
    return one_pole(loud * drawn, seconds, random.standard_normal(shape[:-1]))


def recordings(random: np.random.Generator, count: int, samples: int) -> tuple[Float32, Float32]:
    """Pads (count, samples, 4), and positions (count, samples / 10, 2) at the end of each chunk of 10 samples."""
    position = one_pole_noise(random, (count, AXES, samples + SETTLE), WANDER_S)
    smooth = one_pole(position, WANDER_S / 4, np.zeros(position.shape[:-1]))
    position = 1.2 * smooth[..., SETTLE:]
    felt = np.tanh(np.einsum("pa,nat->npt", WEIGHTS, position))
    drift = DRIFT * one_pole_noise(random, felt.shape, DRIFT_S)
    hertz = random.uniform(*VIBRATION_HZ, (count, 1, 1))
    time = np.arange(samples) / RATE
    turns = hertz * time + random.random((count, PADS, 1))
    swell = VIBRATION * np.abs(one_pole_noise(random, (count, 1, samples), 2.0))
    shaken = swell * np.sin(2 * np.pi * turns)
    pads = felt + drift + shaken + NOISE * random.standard_normal(felt.shape)
    labels = position[:, :, CHUNK - 1 :: CHUNK]
    return pads.transpose(0, 2, 1).astype(np.float32), labels.transpose(0, 2, 1).astype(np.float32)
