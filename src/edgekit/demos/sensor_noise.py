"""Noise of a sensor in a dark scene, to calibrate a denoiser of raw pictures: ELD, Wei et al. (CVPR 2020).

``--calibration edgekit.demos.sensor_noise:calibration`` is for a network of packed pictures, (1, 4, 48, 48). Integers
that are calibrated on clean pictures clip the noise of a short exposure. Noise is that of the paper's physics: shot,
read, rows, quantization, each by the system gain K of the camera's setting.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from edgekit.base.arrays import Float32, Float64
from edgekit.demos import shapes

F32 = Float32
SATURATION = 16383 - 800  # white less black level, in counts of 14 bits
GAINS = 0.1, 30.0  # K, drawn evenly in its logarithm
RATIOS = 100.0, 300.0  # how much shorter the exposure is
PICTURES = 24


@dataclass(frozen=True)
class Camera:
    """Read and row noise as functions of the gain: ``log sigma = slope log K + bias + N(0, spread^2)``.

    The defaults are of no camera that is sold; measure them for a real camera.

    Attributes:
        read: slope, bias and spread of the read noise, in counts.
        row: the same of the noise that a row of pixels shares.
        shape: of Tukey's lambda distribution of the read noise; None for Gauss. Near 0.14 it is Gauss, below it has
            heavier tails.
    """

    read: tuple[float, float, float] = (0.85, 0.4, 0.1)
    row: tuple[float, float, float] = (0.8, -1.2, 0.1)
    shape: float | None = None


CAMERA = Camera()


def expose(clean: F32, random: np.random.Generator, camera: Camera = CAMERA) -> F32:
    """Return a sensor's output for a packed picture, brightened again.

    ``K Poisson(y sat / (ratio K)) + read + row + quantization``, times ``ratio / sat``; K and the ratio are drawn.

    Args:
        clean: (4, height, width), from 0 to 1, of `pack_mosaic`.
        random: the source of the noise.
        camera: its read and row noise.

    Returns:
        The same shape; below black too, and above 1.
    """
    gain = float(np.exp(random.uniform(*np.log(GAINS))))
    ratio = float(random.uniform(*RATIOS))
    counts = np.maximum(clean, 0) * SATURATION / ratio
    noisy = gain * random.poisson(counts / gain)
    noisy = noisy + _sigma(camera.read, gain, random) * _read_noise(
        clean.shape, random, camera.shape
    )
    rows = random.standard_normal((2, clean.shape[1], 1))  # the packed colours of two rows each
    noisy = noisy + _sigma(camera.row, gain, random) * np.repeat(rows, 2, axis=0)
    noisy = noisy + random.uniform(-0.5, 0.5, clean.shape)
    return (noisy * ratio / SATURATION).astype(np.float32)


def pack_mosaic(picture: F32) -> F32:
    """Return the colour filter's view of a picture (3, 2 h, 2 w): red, two greens, blue, (4, h, w)."""
    red, green, blue = picture
    return np.stack([red[::2, ::2], green[::2, 1::2], green[1::2, ::2], blue[1::2, 1::2]])


def scene(seed: int) -> F32:
    """Return a packed picture that is drawn, (4, 48, 48), linear in light, from 0 to 1."""
    light = ((shapes.draw(seed).image + 1) / 2) ** 2.2
    return pack_mosaic(np.clip(light, 0, 1).astype(np.float32))


def calibration() -> Iterator[F32]:
    """Yield exposures for ``--calibration`` of a network of one input (1, 4, 48, 48)."""
    for seed in range(PICTURES):
        yield expose(scene(shapes.CALIBRATION + seed), np.random.default_rng(seed))[None, None]


def _sigma(law: tuple[float, float, float], gain: float, random: np.random.Generator) -> float:
    slope, bias, spread = law
    return float(np.exp(slope * np.log(gain) + bias + spread * random.standard_normal()))


def _read_noise(
    shape: tuple[int, ...], random: np.random.Generator, tukey: float | None
) -> Float64:
    """Read noise: of deviation 1, or with the quantiles ``(u^l - (1 - u)^l) / l`` of Tukey's lambda."""
    if tukey is None:
        return random.standard_normal(shape)
    u = random.uniform(1e-12, 1 - 1e-12, shape)
    if tukey == 0:
        return np.log(u / (1 - u))
    made: Float64 = (u**tukey - (1 - u) ** tukey) / tukey
    return made
