"""Recorded speech with marks of closures: the diphones of a voice of Festival.

A voice's .group file holds, for each diphone, pitch marks, coefficients of linear prediction at the marks, and the
residual in mu-law. The filter of the coefficients, excited by the residual, gives the recording back. The marks of
`kal` (Debian's festvox-kallpc16k) and `ked` (festvox-kdlpc16k) say when the vocal folds close. A later set of `kal` was
recorded with an electroglottograph (Lenzo and Black, "Diphone collection and synthesis", ICSLP 2000); for these files
no source says so. Where nothing is voiced, a file has marks at even steps.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from scipy import signal  # type: ignore[import-untyped]

from edgekit.base.arrays import Booleans, Float32, Float64
from edgekit.demos.voice_source.closures import RATE

HEADER_END = b"EST_Header_End\n"
EVEN_S = 2e-5  # steps that differ less are no measured periods
QUIET_DB = -26.0  # below the loudest mark: not voiced
PERIODS_S = (0.002, 0.0165)
SCALE = 1 / 65_536


@dataclass(frozen=True)
class Diphone:
    """A recording at 16 kHz, its marks in seconds, and which of them are closures."""

    pcm: Float32
    marks: Float64
    voiced: Booleans

    def periods(self) -> Booleans:
        """Whether the step from each mark to the next is a period."""
        steps = np.diff(self.marks)
        likely = (steps > PERIODS_S[0]) & (steps < PERIODS_S[1])
        return np.asarray(self.voiced[:-1] & self.voiced[1:] & likely)

    def known_samples(self, size: int) -> Booleans:
        """Which of the samples lie in periods, or away from closures: there the marks say when the folds close."""
        out = np.zeros(size, bool)
        near = np.convolve(self.voiced, np.ones(5))[2:-2] > 0
        sure = self.periods() | ~(near[:-1] | near[1:])
        at = np.round(self.marks * RATE).astype(int)
        for first, last, one in zip(at[:-1], at[1:], sure, strict=True):
            out[first:last] = one
        return out


def read_diphones(file: Path) -> Iterator[Diphone]:
    """Yield the diphones of a .group file."""
    raw = file.read_bytes()
    body = raw.index(HEADER_END) + len(HEADER_END)
    count = int(raw[:body].split(b"NumEntries")[1].split()[0])
    *rows, sounds = raw[body:].split(b"\n", count)
    for row in rows:
        _, track, residual, _ = row.split()
        marks, coefficients = _read_track(sounds[int(track) : int(residual)])
        excitation, rate = _read_residual(sounds[int(residual) :])
        sound = _synthesise(marks, coefficients, excitation, rate)
        pcm = np.asarray(soxr.resample(sound, rate, RATE) * SCALE, np.float32)
        yield Diphone(pcm, marks, _find_voiced_marks(pcm, marks))


def _read_track(raw: bytes) -> tuple[Float64, Float64]:
    """Marks in seconds, and coefficients (marks, order)."""
    body = raw.index(HEADER_END) + len(HEADER_END)
    words = raw[:body].decode("ascii").split()
    frames, channels = (int(words[words.index(f"Num{of}") + 1]) for of in ("Frames", "Channels"))
    values = np.frombuffer(raw[body:], "<f4", frames * (channels + 2)).reshape(frames, -1)
    return values[:, 0].astype(np.float64), values[:, 3:].astype(np.float64)


def _read_residual(raw: bytes) -> tuple[Float64, int]:
    """Samples of a .snd file in mu-law, and their rate."""
    start, size, _, rate, _ = np.frombuffer(raw, ">u4", 5, offset=4).tolist()
    code = ~np.frombuffer(raw, np.uint8, size, offset=start)
    magnitude = ((((code & 15).astype(int) << 3) + 132) << ((code & 112) >> 4)) - 132
    return np.where(code & 128, -magnitude, magnitude).astype(np.float64), rate


def _synthesise(marks: Float64, coefficients: Float64, residual: Float64, rate: int) -> Float64:
    """The recording: coefficients change midway between marks."""
    middle = ((marks[:-1] + marks[1:]) * rate / 2).astype(int)
    out, start = np.zeros_like(residual), 0
    past = np.zeros(coefficients.shape[1])
    for row, end in zip(coefficients, [*middle, residual.size], strict=True):
        if end > start:
            poles = np.concatenate([[1.0], -row])
            state = signal.lfiltic([1.0], poles, past)
            out[start:end], _ = signal.lfilter([1.0], poles, residual[start:end], zi=state)
            past = np.concatenate([out[start:end][::-1], past])[: past.size]
            start = end
    return out


def _find_voiced_marks(pcm: Float32, marks: Float64) -> Booleans:
    """Which marks are loud, and not one of four at even steps."""
    voiced = np.ones(marks.size, bool)
    steps = np.diff(marks)
    for first in range(marks.size - 3):
        if np.ptp(steps[first : first + 3]) < EVEN_S:
            voiced[first : first + 4] = False
    power = np.convolve(pcm.astype(np.float64) ** 2, np.ones(RATE // 100), "same")
    loud = power[np.clip(np.round(marks * RATE).astype(int), 0, pcm.size - 1)]
    return np.asarray(voiced & (loud > loud.max() * 10 ** (QUIET_DB / 10)))
