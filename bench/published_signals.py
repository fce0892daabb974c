"""What goes through the published networks: noisy speech, bundled or of one's own, and pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from published_pipelines import Samples

from edgekit.base.wav import read_wav
from edgekit.demos.show_denoise import CLIPS

RATE = 16000


def mixture(voice: Samples, noise: Samples, snr_db: float) -> Samples:
    """Return voice plus the noise, repeated to its length, at `snr_db`; both without their mean."""
    voice = voice - voice.mean()
    noise = np.resize(noise - noise.mean(), voice.size)
    gain = np.sqrt(np.mean(voice**2) / np.mean(noise**2)) * 10 ** (-snr_db / 20)
    return np.asarray(voice + gain * noise, np.float32)


def calibration_clips(samples: int) -> list[Samples]:
    """Return the bundled calibration clips as pieces of so many samples each, at least one."""
    read = [read_wav(path, RATE).samples for path in sorted((CLIPS / "calibration").glob("*.wav"))]
    whole = np.concatenate(read)
    if len(whole) < samples:
        return [np.resize(whole, samples)]
    return [whole[start : start + samples] for start in range(0, len(whole) - samples + 1, samples)]


def bundled_speech(samples: int) -> tuple[Samples, Samples]:
    """Return clean and noisy speech: the demo's clip again and again, its noise shifted each time."""
    clean, noisy = (read_wav(CLIPS / f"{name}.wav", RATE).samples for name in ("clean", "noisy"))
    noise, times = noisy - clean, -(-samples // len(clean))
    shifted = np.concatenate([np.roll(noise, 17011 * index) for index in range(times)])[:samples]
    voice = np.resize(clean, samples)
    return voice, voice + shifted


def own_speech(samples: int, voices: Path, noises: Path, snr_db: float) -> tuple[Samples, Samples]:
    """Return the recordings of a folder one after another, mixed with those of another."""

    def read(folder: Path) -> Samples:
        return np.concatenate(
            [read_wav(path, RATE).samples for path in sorted(folder.glob("*.wav"))]
        )

    voice = np.resize(read(voices), samples)
    voice = voice - voice.mean()
    return voice, mixture(voice, read(noises), snr_db)


def pictures(shape: Sequence[int], count: int, seed: int) -> np.ndarray[Any, Any]:
    """Return (count, *shape) smooth seeded pictures of values from -1 to 1."""
    random = np.random.default_rng(seed)
    _, channels, height, width = shape
    made = np.zeros((count, *shape), np.float32)
    for size in (4, 16):  # waves of two sizes, and their phases
        y, x = np.mgrid[:height, :width] / size
        phases = random.uniform(0, 2 * np.pi, (2, count, 1, channels, 1, 1))
        made += 0.5 * np.sin(y + phases[0]) * np.cos(x * random.uniform(0.5, 2) + phases[1])
    return made
