"""The material of the training: three kinds of voices in rooms, in both polarities.

1. Synthesised voices, whose closures are known.
2. Recordings with marks of closures (`diphones`), at several speeds.
3. Recorded speech, whose closures a network finds and `consistent_closures` improves.

The marks of recordings come later than the closures of the synthesis, by a time that is the same for a
voice. It is the median of what the network finds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from scipy import signal  # type: ignore[import-untyped]

from edgekit.base.arrays import Booleans, Float32, Float64
from edgekit.base.wav import read_wav
from edgekit.demos.voice_source.closures import DELAY, RATE, bumps
from edgekit.demos.voice_source.consistency import consistent_closures
from edgekit.demos.voice_source.diphones import Diphone
from edgekit.demos.voice_source.synthesis import add_noise, liljencrants, rosenberg, voice

MARKED_SPEEDS = (0.8, 0.9, 1.0, 1.12, 1.26, 1.41, 1.6, 1.8)
SPOKEN_SPEEDS = (0.62, 0.72, 0.85, 1.0, 1.0, 1.15, 1.3)
ROOM_SHARE = 0.35
WALLS_S, WALLS_DB = (0.002, 0.03), (-20.0, -6.0)
DECAY_S, TAIL_DB = (0.15, 0.6), (-20.0, -6.0)
SILENT_DB = -35.0  # below the loudest 20 ms: nothing is voiced
LARGEST_LAG_S, LAG_STEP_S = 0.004, 1e-4  # from a closure to its mark, and of the histogram

Finder = Callable[[Float32], Float64]  # PCM to closures in seconds
Clip = tuple[Float32, Float32, Float32]  # PCM, its target, and the weight of each sample


@dataclass(frozen=True)
class MarkedSound:
    """PCM at 16 kHz, closures in seconds, and for which samples they are known."""

    pcm: Float32
    closed: Float64
    known: Booleans

    def at_speed(self, speed: float) -> "MarkedSound":
        """The recording played `speed` times as fast, with its pitch."""
        if speed == 1:
            return self
        pcm = soxr.resample(self.pcm, RATE, RATE / speed, quality="MQ").astype(np.float32)
        places = np.minimum(np.arange(pcm.size) * speed, self.pcm.size - 1).astype(int)
        return MarkedSound(pcm, self.closed / speed, self.known[places])


def lag_of_marks(diphones: Sequence[Diphone], found: Sequence[Float64]) -> float:
    """Return the seconds from marks to the closures found near them: the commonest, the median around it."""
    lags = np.concatenate(
        [
            closed[np.abs(closed[:, None] - one.marks[one.voiced]).argmin(0)]
            - one.marks[one.voiced]
            for one, closed in zip(diphones, found, strict=True)
            if closed.size
        ]
    )
    counts, edges = np.histogram(lags, np.arange(-LARGEST_LAG_S, LARGEST_LAG_S, LAG_STEP_S))
    commonest = edges[counts.argmax()] + LAG_STEP_S / 2
    return float(np.median(lags[np.abs(lags - commonest) < 3 * LAG_STEP_S]))


def recordings_of_diphones(diphones: Sequence[Diphone], find: Finder) -> list[MarkedSound]:
    """Return diphones as recordings, with closures by their marks."""
    some = diphones[::8]
    lag = lag_of_marks(some, [find(one.pcm) for one in some])
    return [
        MarkedSound(one.pcm, one.marks[one.voiced] + lag, one.known_samples(one.pcm.size))
        for one in diphones
    ]


def read_speech(file: Path, find: Finder) -> MarkedSound:
    """Read a recording, whose closures are those found, made consistent."""
    pcm = read_wav(file, RATE).samples
    found = find(pcm)
    if found.size < 2:
        return MarkedSound(pcm, np.zeros(0), np.zeros(pcm.size, bool))
    closed, sure = consistent_closures(pcm, found)
    power = np.convolve(pcm.astype(np.float64) ** 2, np.ones(RATE // 50), "same")
    known = power < power.max() * 10 ** (SILENT_DB / 10)
    at = np.clip(np.round(closed * RATE).astype(int), 0, pcm.size)
    for first, last, one in zip(at[:-1], at[1:], sure, strict=True):
        if last - first < RATE // 50:
            known[first:last] = one
    return MarkedSound(pcm, closed, known)


class Material:
    """Draws clips of one length, of the kinds in turn."""

    def __init__(
        self,
        random: np.random.Generator,
        size: int,
        diphones: Sequence[MarkedSound] = (),
        speech: Sequence[MarkedSound] = (),
    ) -> None:
        """Clips of `size` samples; a kind without recordings is left out."""
        self.random, self.size = random, size
        self.diphones, self.speech = diphones, speech
        kinds = [self.synthesise]
        kinds += [self.join_diphones] if diphones else []
        kinds += [self.cut_speech] if speech else []
        self.kinds, self.turn = kinds, 0

    def clip(self) -> Clip:
        """Draw a clip of the next kind."""
        self.turn = (self.turn + 1) % len(self.kinds)
        recording = self.kinds[self.turn]()
        pcm = add_room(self.random, recording.pcm) * self.random.choice([-1, 1])
        if recording.known.all():  # the synthesis has its noise
            pcm = pcm / max(np.abs(pcm).max(), 1e-9) * np.abs(recording.pcm).max()
        else:
            pcm = add_noise(self.random, pcm)
        known = np.concatenate([np.zeros(DELAY, bool), recording.known])[: self.size]
        target = bumps(recording.closed, self.size)
        return pcm.astype(np.float32), target, known.astype(np.float32)

    def synthesise(self) -> MarkedSound:
        """A synthesised voice, of either model of the glottis."""
        pulse = rosenberg if self.random.random() < 0.4 else liljencrants
        pcm, closed = voice(self.random, self.size / RATE, pulse)
        return MarkedSound(pcm, closed, np.ones(pcm.size, bool))

    def join_diphones(self) -> MarkedSound:
        """Diphones one after the other, at one speed."""
        speed = float(self.random.choice(MARKED_SPEEDS))
        pcm, known = np.zeros(self.size, np.float32), np.zeros(self.size, bool)
        closed, at = [np.zeros(0)], 0
        while at < self.size:
            one = self.diphones[int(self.random.integers(len(self.diphones)))].at_speed(speed)
            room = self.size - at
            pcm[at : at + one.pcm.size] = one.pcm[:room]
            known[at : at + one.pcm.size] = one.known[:room]
            closed.append(one.closed + at / RATE)
            at += one.pcm.size
        return MarkedSound(pcm, np.concatenate(closed), known)

    def cut_speech(self) -> MarkedSound:
        """A stretch of recorded speech, at one speed."""
        speed = float(self.random.choice(SPOKEN_SPEEDS))
        one = self.speech[int(self.random.integers(len(self.speech)))]
        size = int(self.size * speed) + 64
        first = int(self.random.integers(max(one.pcm.size - size, 1)))
        part = slice(first, first + size)
        cut = MarkedSound(one.pcm[part], one.closed - first / RATE, one.known[part]).at_speed(speed)
        pcm, known = np.zeros(self.size, np.float32), np.zeros(self.size, bool)
        pcm[: cut.pcm.size] = cut.pcm[: self.size]
        known[: cut.pcm.size] = cut.known[: self.size]
        inside = (cut.closed > 0) & (cut.closed < cut.pcm.size / RATE)
        return MarkedSound(pcm, cut.closed[inside], known)


def add_room(random: np.random.Generator, pcm: Float32) -> Float64:
    """The sound with first reflections and a tail, or often without; the direct sound stays in place."""
    if random.random() >= ROOM_SHARE:
        return pcm.astype(np.float64)
    decay = random.uniform(*DECAY_S)
    time = np.arange(int(decay * RATE)) / RATE
    tail = random.standard_normal(time.size) * 10 ** (-3 * time / decay) * (time > WALLS_S[0])
    tail *= 10 ** (random.uniform(*TAIL_DB) / 20) / np.sqrt(np.sum(tail**2))
    for _ in range(random.integers(3, 7)):
        place = int(random.uniform(*WALLS_S) * RATE)
        tail[place] += random.choice([-1, 1]) * 10 ** (random.uniform(*WALLS_DB) / 20)
    tail[0] = 1
    return np.asarray(signal.fftconvolve(pcm, tail)[: pcm.size], np.float64)
