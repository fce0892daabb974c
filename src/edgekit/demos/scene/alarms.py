"""Alarms by formula: beeps, two tones, sirens and bells."""

import numpy as np

from edgekit.base.arrays import Float32
from edgekit.demos.scene.facts import RATE

Sound = Float32
LOWEST_HZ, HIGHEST_HZ = 350.0, 7500.0  # telephone tones, and buzzers of watches


def alarm(random: np.random.Generator) -> Sound:
    """Four seconds of beeps, of two tones, of a siren or of a bell."""
    size = 4 * RATE
    seconds = np.arange(size) / RATE
    low = float(np.exp(random.uniform(np.log(LOWEST_HZ), np.log(HIGHEST_HZ))))
    high = low * float(random.uniform(1.05, 1.7))
    period = float(random.uniform(0.12, 1.2))
    place = (seconds / period) % 1
    kind = random.choice(("beep", "tones", "siren", "bell", "burst"))
    if kind == "tones":
        hz, gate = np.where(place < 0.5, low, high), np.ones(size)
    elif kind == "siren":
        shape = place if random.random() < 0.5 else 1 - np.abs(2 * place - 1)
        hz, gate = low + (high - low) * shape, np.ones(size)
    elif kind == "bell":
        hz, gate = np.full(size, low), np.exp(-place * period / random.uniform(0.05, 0.4))
    elif kind == "burst":  # some short beeps, and a rest
        count, share = int(random.integers(2, 5)), random.uniform(0.3, 0.7)
        inside = (place / share * count) % 1
        hz, gate = np.full(size, low), ((place < share) & (inside < 0.5)).astype(float)
    else:
        hz, gate = np.full(size, low), (place < random.uniform(0.3, 0.8)).astype(float)
    phase = 2 * np.pi * np.cumsum(hz) / RATE
    edge = np.hanning(int(0.006 * RATE))
    gate = np.convolve(gate, edge / edge.sum(), "same")
    sound = np.zeros(size)
    for order in range(1, int(random.choice((2, 2, 3, 4, 5, 6)))):  # every third is a pure tone
        part = order if kind != "bell" else order * float(random.uniform(1.0, 1.05))
        sound += np.sin(part * phase) * random.uniform(0, 1) / order * (part * hz < RATE / 2)
    if random.random() < 0.25:
        sound = np.tanh(4 * sound)
    return np.asarray(0.3 * gate * sound / max(np.abs(sound).max(), 1e-6), np.float32)
