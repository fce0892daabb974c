"""Read and write .wav files, 16-bit PCM, with Python alone; it replaces soundfile where that is missing."""

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgekit.base.arrays import Array, Float32
from edgekit.base.errors import ToolError
from edgekit.base.installation import install_extra

SUBTYPE, BYTES = "PCM_16", 2
SoundFileError = wave.Error
MISSING = f"soundfile is not installed; {install_extra('audio')}"


@dataclass(frozen=True)
class Info:
    """The fields of `soundfile.info` for a file."""

    frames: int
    channels: int
    samplerate: int
    format: str = "WAV"
    subtype: str = SUBTYPE


def is_plain(path: Path) -> bool:
    """Whether a file is a .wav of 16-bit PCM."""
    try:
        with wave.open(str(path), "rb") as file:
            return file.getsampwidth() == BYTES
    except (wave.Error, EOFError, OSError):
        return False


def info(path: str) -> Info:
    """Return the facts of a file.

    Raises:
        ToolError: it is not a .wav of 16-bit PCM.
    """
    data, rate = read(path)
    frames, channels = data.shape
    return Info(frames, channels, rate)


def read(path: str, **_kind: object) -> tuple[Float32, int]:
    """Return the samples, (frames, channels) float32 of full scale 1, and the rate in Hz.

    Raises:
        ToolError: it is not a .wav of 16-bit PCM.
    """
    if not is_plain(Path(path)):
        raise ToolError(f"'{path}' is no .wav of 16-bit PCM: {MISSING}")
    with wave.open(path, "rb") as file:
        channels, rate = file.getnchannels(), file.getframerate()
        stored = file.readframes(file.getnframes())
    samples = np.frombuffer(stored[: len(stored) // (BYTES * channels) * BYTES * channels], "<i2")
    return samples.reshape(-1, channels).astype(np.float32) / np.float32(32768), rate


def write(path: str, samples: Array, rate: int, *, subtype: str, format: str) -> None:
    """Write (frames,) or (frames, channels) of int16.

    Raises:
        ToolError: `subtype` is not PCM_16.
    """
    if subtype != SUBTYPE:
        raise ToolError(f"'{path}' is to hold {subtype} in {format}: {MISSING}")
    with wave.open(path, "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(BYTES)
        file.setframerate(rate)
        file.writeframes(np.ascontiguousarray(samples, "<i2").tobytes())
