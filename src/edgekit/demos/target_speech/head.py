"""A head as a sphere: the sound at its two ears of a source around it.

Delays: Woodworth's formula. Shadow: one pole and one zero (Brown and Duda, IEEE Trans. Speech Audio Process. 6, 1998).
Azimuths are in degrees, 0 straight ahead, 90 at the right; ears stand at -100 and 100.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy import fft
from numpy.typing import NDArray

from edgekit.base.arrays import Float32

RATE = 16_000
RADIUS_M, SOUND_M_PER_S = 0.0875, 343.0
EARS_DEG = (-100.0, 100.0)  # left, right
GRID_DEG = 2.5
BLOCK = 1024  # samples; transforms are some blocks long, and longer than the sound by one at least
ROOM_S = (0.002, 0.03)  # delay of the walls' reflections after the direct sound
ROOM_DB = (-20.0, -6.0)

Signal = Float32
Response = NDArray[np.complex64]  # (ears, frequencies)
Room = Sequence[tuple[float, float, float]]  # of each wall: azimuth, delay in seconds, gain


@lru_cache(maxsize=160)
def response(azimuth_deg: float, size: int) -> Response:
    """Return the response of both ears at ``size`` samples' frequencies, a radius later than at the middle."""
    hz = fft.rfftfreq(size, 1 / RATE)
    away = np.abs((azimuth_deg - np.array(EARS_DEG) + 180) % 360 - 180)[
        :, None
    ]  # from the ear's axis
    angle = np.deg2rad(away)
    delay = np.where(away < 90, -np.cos(angle), angle - np.pi / 2) + 1
    delay *= RADIUS_M / SOUND_M_PER_S
    shelf = 1.05 + 0.95 * np.cos(angle * 180 / 150)
    pole, s = 2 * SOUND_M_PER_S / RADIUS_M, 2j * np.pi * hz
    return np.asarray((shelf * s + pole) / (s + pole) * np.exp(-s * delay), np.complex64)


def towards(azimuth_deg: float, size: int) -> Response:
    """The response of the direction of the grid that is nearest."""
    return response(round(azimuth_deg / GRID_DEG) * GRID_DEG % 360, size)


def room(random: np.random.Generator) -> Room:
    """Three to six first reflections from anywhere."""
    return [
        (
            float(random.uniform(-180, 180)),
            float(random.uniform(*ROOM_S)),
            float(10 ** (random.uniform(*ROOM_DB) / 20)),
        )
        for _ in range(random.integers(3, 7))
    ]


def at_ears(sound: Signal, azimuths_deg: Sequence[float], walls: Room = ()) -> Signal:
    """Sound (samples,) of a source that stands at one azimuth or moves evenly over several, to (2, samples)."""
    size = (sound.size // BLOCK + 2) * BLOCK
    heard = np.zeros((2, size // 2 + 1), np.complex64)
    if walls:
        turn = -2j * np.pi * fft.rfftfreq(size, 1 / RATE)
        for azimuth, delay, gain in walls:
            heard += towards(azimuth, size) * (gain * np.exp(turn * delay)).astype(np.complex64)
        heard *= fft.rfft(sound, size)
    knots = len(azimuths_deg)
    if knots == 1:
        heard += fft.rfft(sound, size) * towards(azimuths_deg[0], size)
    else:
        places = np.linspace(0, knots - 1, sound.size).astype(np.float32)
        for knot, azimuth in enumerate(azimuths_deg):
            near = np.maximum(1 - np.abs(places - knot), 0)
            heard += fft.rfft(sound * near, size) * towards(azimuth, size)
    return np.asarray(fft.irfft(heard, size)[:, : sound.size], np.float32)
