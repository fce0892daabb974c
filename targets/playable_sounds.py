"""Sounds of a report as .wav, their spectrograms as pictures, and the error of a build against its source."""

import base64
import io
import wave
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from edgekit.base.arrays import Float32, Float64
from edgekit.base.png import png

SECONDS = 3
FFT, COLUMNS, ROWS = 512, 320, 96
RANGE_DB = 80.0  # of a spectrogram, below the loudest of all that are shown together
# dark to bright, apart in lightness for colour-blind readers
COLOURS = np.array([(13, 17, 40), (62, 44, 120), (176, 62, 100), (246, 150, 60), (252, 240, 190)])
WIDTH, MIDDLE = 960, 60  # of the waveforms; full scale is MIDDLE


@dataclass(frozen=True)
class Track:
    """A sound on the page: its name, and two data: links."""

    title: str
    wav: str
    spectrogram: str


@dataclass(frozen=True)
class Difference:
    """Outlines of the source network's output and of the build's deviation from it, as paths of an SVG."""

    output: str
    error: str


@dataclass(frozen=True)
class PlayableSounds:
    """The input, and the outputs of the source network and of the build; each (channels, samples)."""

    before: Float32
    source: Float32
    build: Float32
    sample_rate_hz: int

    @property
    def seconds(self) -> float:
        """The length in seconds, rounded."""
        return round(float(self.before.shape[1] / self.sample_rate_hz), 1)

    def tracks(self) -> list[Track]:
        """The three, their pictures on one scale."""
        sounds = {"Before": self.before, "Source network": self.source, "This build": self.build}
        levels = {title: _levels_db(sound) for title, sound in sounds.items()}
        top = max(float(level.max()) for level in levels.values())
        return [
            Track(title, _wav(sound, self.sample_rate_hz), _picture(levels[title], top))
            for title, sound in sounds.items()
        ]

    def difference(self) -> Difference:
        """The first channel's, drawn to the same scale."""
        scale = max(1e-9, float(np.abs(self.source[0]).max()))
        return Difference(
            _outline(self.source[0] / scale), _outline((self.build - self.source)[0] / scale)
        )


def _wav(sound: Float32, rate: int) -> str:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(len(sound))
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(np.rint(np.clip(sound.T, -1, 1) * 32767).astype("<i2").tobytes())
    return _link("audio/wav", file.getvalue())


def _levels_db(sound: Float32) -> Float64:
    """The spectrogram of the channels together, (COLUMNS, bins)."""
    padded = np.pad(sound.sum(axis=0, dtype=np.float64), (FFT // 2, FFT // 2))
    starts = np.linspace(0, len(padded) - FFT, COLUMNS).astype(int)
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT)[starts] * np.hanning(FFT)
    return 10 * np.log10(np.abs(np.fft.rfft(frames)) ** 2 + 1e-12)


def _picture(levels_db: Float64, top_db: float) -> str:
    rows = np.linspace(levels_db.shape[1] - 1, 0, ROWS).astype(int)
    place = np.clip(1 + (levels_db[:, rows].T - top_db) / RANGE_DB, 0, 1) * (len(COLOURS) - 1)
    steps = np.arange(len(COLOURS))
    pixels = np.stack([np.interp(place, steps, COLOURS[:, c]) for c in range(3)], axis=-1)
    return _link("image/png", png(np.rint(pixels).astype(np.uint8)))


def _link(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _outline(samples: Float32) -> str:
    """The highest and the lowest sample of each pixel, as one closed shape."""
    edges = np.linspace(0, len(samples), WIDTH // 2 + 1).astype(int)
    parts = [samples[a : max(b, a + 1)] for a, b in pairwise(edges)]
    upper = [
        f"{2 * i} {MIDDLE * (1 - float(part.max())) - 0.5:.1f}" for i, part in enumerate(parts)
    ]
    lower = [
        f"{2 * i} {MIDDLE * (1 - float(part.min())) + 0.5:.1f}" for i, part in enumerate(parts)
    ]
    return f"M{'L'.join([*upper, *reversed(lower)])}Z"
