"""Clips that the compressor is trained on: sounds, settings of its knobs, and the gain by formula."""

from pathlib import Path

import numpy as np

from edgekit.base.arrays import Float32
from edgekit.base.wav import read_wav
from edgekit.demos.compressor.formula import HIGHEST, HOP, LOWEST, RATE, gain_db

CLIP_HOPS = 256
TURNED = 0.35  # of the clips: the knobs change once
Clips = Float32


def read_sounds(folder: Path) -> dict[str, list[Clips]]:
    """Sounds by kind: the folders in ``folder``, but ``held``."""
    kinds = sorted(path for path in folder.iterdir() if path.is_dir() and path.name != "held")
    return {
        kind.name: [read_wav(path, RATE).samples for path in sorted(kind.glob("*.wav"))]
        for kind in kinds
    }


def settings(random: np.random.Generator, count: int, hops: int, turned: float) -> Clips:
    """Knobs (count, 4, hops): thresholds and ratios evenly over their ranges, times evenly over the logarithms."""
    even = random.uniform(LOWEST, HIGHEST, (2, count, 4))
    logs = np.exp(random.uniform(np.log(LOWEST[2:]), np.log(HIGHEST[2:]), (2, count, 2)))
    drawn = np.concatenate([even[..., :2], logs], 2)
    knobs = np.repeat(drawn[0][:, :, None], hops, 2)
    for clip in np.flatnonzero(random.random(count) < turned):
        knobs[clip, :, random.integers(1, hops) :] = drawn[1, clip][:, None]
    return knobs.astype(np.float32)


def bursts(random: np.random.Generator, samples: int) -> Clips:
    """A tone, a sweep or noise whose level steps."""
    time = np.arange(samples) / RATE
    first, last = np.exp(random.uniform(np.log(60), np.log(8000), 2))
    if random.random() < 0.6:
        last = first
    kind = random.random()
    phase = 2 * np.pi * (first * time + (last - first) * time**2 / (2 * time[-1]))
    sound = np.sin(phase) if kind < 0.7 else random.standard_normal(samples) / 3
    steps = 10 ** (random.uniform(-40, 0, 8) / 20)
    edges = np.sort(random.integers(0, samples, 7))
    sound = sound * steps[np.searchsorted(edges, np.arange(samples), "right")]
    return sound.astype(np.float32)


class Draw:
    """Draws clips with their settings and gains."""

    def __init__(self, sounds: dict[str, list[Clips]], seed: int, turned: float = TURNED) -> None:
        """Draws of some sounds, and of `bursts`."""
        self.sounds = sounds
        self.random = np.random.default_rng(seed)
        self.turned = turned

    def sound(self, samples: int) -> Clips:
        """One clip, its peak at -18 to 0 dB."""
        random = self.random
        kind = random.choice([*self.sounds, "bursts"])
        if kind == "bursts":
            clip = bursts(random, samples)
        else:
            files = self.sounds[str(kind)]
            whole = np.resize(file := files[random.integers(len(files))], max(len(file), samples))
            start = int(random.integers(len(whole) - samples + 1))
            clip = whole[start : start + samples]
        peak = 10 ** (random.uniform(-18, 0) / 20)
        return np.asarray(clip * np.float32(peak / max(float(np.abs(clip).max()), 1e-3)))

    def clips(self, count: int, hops: int = CLIP_HOPS) -> tuple[Clips, Clips, Clips]:
        """PCM (count, samples), knobs (count, 4, hops) and gains (count, samples) in dB."""
        pcm = np.stack([self.sound(hops * HOP) for _ in range(count)])
        knobs = settings(self.random, count, hops, self.turned)
        return pcm, knobs, gain_db(pcm, knobs).astype(np.float32)
