"""First-order ambisonics: the four channels W, Y, Z, X for sources around them (ACN order, SN3D).

Azimuths are in degrees, 0 straight ahead, 90 at the left; elevations are above the plane.
"""

from collections.abc import Sequence

import numpy as np
from numpy import fft

from edgekit.base.arrays import Float32, Float64
from edgekit.demos.scene.facts import RATE

WALLS, WALLS_S, WALLS_DB = (3, 8), (0.002, 0.04), (-20.0, -6.0)  # first reflections
TAIL_S, TAIL_DB = (
    (0.15, 0.6),
    (-28.0, -10.0),
)  # of a room: time to fall by 60 dB, energy relative to the direct sound
DIFFUSE = 12  # directions that an ambience comes from

Signal = Float32
Direction = tuple[float, float]  # azimuth and elevation in degrees


def vectors(azimuth_deg: Float64, elevation_deg: Float64) -> Signal:
    """Unit vectors X, Y, Z of directions, on the last axis."""
    azimuth, elevation = np.deg2rad(azimuth_deg), np.deg2rad(elevation_deg)
    flat = np.cos(elevation)
    parts = (np.cos(azimuth) * flat, np.sin(azimuth) * flat, np.sin(elevation))
    return np.stack(parts, -1).astype(np.float32)


def encode_source(sound: Signal, path: Sequence[Direction]) -> Signal:
    """Sound (samples,) of a far source that stands in one direction, or moves evenly over several; to (4, samples)."""
    azimuths, elevations = np.array(path, np.float64).T
    if len(path) == 1:
        x, y, z = vectors(azimuths, elevations)[0]
    else:
        at, knots = np.linspace(0, 1, sound.size), np.linspace(0, 1, len(path))
        places = (
            np.interp(at, knots, np.unwrap(azimuths, period=360)),
            np.interp(at, knots, elevations),
        )
        x, y, z = vectors(*places).T
    return np.stack([sound, sound * y, sound * z, sound * x]).astype(np.float32)


def in_a_room(sound: Signal, path: Sequence[Direction], random: np.random.Generator) -> Signal:
    """The same in a room that is drawn: first reflections from anywhere, and a diffuse tail."""
    heard = encode_source(sound, path)
    for _ in range(random.integers(*WALLS)):
        late = int(random.uniform(*WALLS_S) * RATE)
        gain = np.float32(10 ** (random.uniform(*WALLS_DB) / 20))
        heard[:, late:] += gain * encode_source(sound[: sound.size - late], [anywhere(random)])
    falls = random.uniform(*TAIL_S)
    size = int(falls * RATE)
    tail = random.standard_normal((4, size)) * 10 ** (-3 * np.arange(size) / size)
    tail[1:] /= np.sqrt(3)
    tail *= 10 ** (random.uniform(*TAIL_DB) / 20) / np.sqrt(np.square(tail[0]).sum())
    tail = np.concatenate([np.zeros((4, int(WALLS_S[1] * RATE))), tail], 1)
    whole = 1 << (sound.size + tail.shape[1]).bit_length()
    diffuse = fft.irfft(fft.rfft(sound, whole) * fft.rfft(tail, whole), whole)[:, : sound.size]
    return np.asarray(heard + diffuse, np.float32)


def anywhere(random: np.random.Generator) -> Direction:
    """A direction, evenly on the sphere."""
    return float(random.uniform(-180, 180)), float(np.rad2deg(np.arcsin(random.uniform(-1, 1))))


def ambience(sound: Signal, size: int, random: np.random.Generator) -> Signal:
    """Noise from all around, (4, size): stretches of a recording, each from its own direction; W is as loud."""
    whole = np.resize(sound, max(sound.size, 2 * size))  # again and again where it is short
    out = np.zeros((4, size), np.float32)
    for azimuth in np.arange(DIFFUSE) * 360 / DIFFUSE:
        start = int(random.integers(whole.size - size))
        elevation = float(np.rad2deg(np.arcsin(random.uniform(-1, 1))))
        out += encode_source(whole[start : start + size], [(float(azimuth), elevation)])
    return out / np.float32(np.sqrt(DIFFUSE))
