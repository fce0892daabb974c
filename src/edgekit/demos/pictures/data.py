"""What is done to pictures of digits before a system restores them: streaks, noise; pictures are (n, 1, 28, 28)."""

from pathlib import Path

import numpy as np

from edgekit.base.arrays import Float32
from edgekit.base.npz import read_npz

DIGITS = Path(__file__).with_name("digits.npz")  # the first of those that the tests adapt to
SHOWN = 20  # of them; the others calibrate

STREAKS = 8  # bright lines through a picture
SIGMA = 0.5  # of the noise, where black is -1 and white 1
SIDE = 28


def add_streaks(x: Float32, random: np.random.Generator) -> Float32:
    """Return pictures in [-1, 1] blurred and with bright lines over them, as rain leaves them."""
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    shape = (len(x), STREAKS, 1, 1)
    angle = random.uniform(0, np.pi, shape).astype(np.float32)
    offset = random.uniform(-14, 14, shape).astype(np.float32)
    away = (rows - 13.5) * np.cos(angle) + (columns - 13.5) * np.sin(angle) - offset
    strength = random.uniform(0.4, 1.2, shape).astype(np.float32)
    lines = (strength * np.clip(1.2 - np.abs(away), 0, 1)).sum(1, keepdims=True)
    return np.asarray(np.clip(blur(x) + lines, -1, 1), np.float32)


def blur(x: Float32) -> Float32:
    """Return the mean of 3 x 3 pixels at each place; beyond the edge is black."""
    wide = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=-1.0)
    shifted = [wide[:, :, i : i + SIDE, j : j + SIDE] for i in range(3) for j in range(3)]
    return np.asarray(np.mean(shifted, axis=0), np.float32)


def add_noise(x: Float32, random: np.random.Generator, sigma: float = SIGMA) -> Float32:
    """Return pictures with white Gaussian noise."""
    return np.asarray(x + sigma * random.standard_normal(x.shape), np.float32)


def psnr_db(found: Float32, exact: Float32) -> float:
    """Return the PSNR over all pixels of pictures in [-1, 1], to which `found` is clipped."""
    error = np.square(np.clip(found, -1, 1) - exact, dtype=np.float64).mean()
    return float(10 * np.log10(4 / max(error, 1e-12)))


def bundled_digits() -> tuple[Float32, Float32]:
    """Return digits that the bundled generator drew: those that are shown, and those that calibrate."""
    levels = read_npz(DIGITS)["x"].astype(np.float32) / 127.5 - 1
    return levels[:SHOWN], levels[SHOWN:]
