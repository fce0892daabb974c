"""Scenes that the network is trained and judged on: up to two sounds at once, anywhere around, in ambience."""

from pathlib import Path

import numpy as np
import soxr
import torch
from torch import Tensor

from edgekit.base.wav import read_wav
from edgekit.demos.denoise_data import Samples, rms
from edgekit.demos.scene.ambisonics import Direction, Signal
from edgekit.demos.scene.facts import CLASSES, FRONTEND, HOP, INTERFERER, LATE, RATE
from edgekit.demos.scene.scene_staging import Event, Scene, stage_events
from edgekit.demos.target_speech.scenes import is_speech
from edgekit.demos.wake.data import noises, part_of, read_voices
from edgekit.demos.wake.prepare import HELD_VOICES
from edgekit.frontend import Frontend

SECONDS = 4.0
EVENTS, EVENT_S = (1, 6), (0.6, 3.0)
INTERFERERS = (0, 4)  # animals and machines, from one direction each
OVERLAP = 2  # sounds of classes at once
TRAINED_SHARES = (
    0.2,
    0.4,
    0.2,
    0.2,
)  # of events, by class: the direction of a few tones is hardest to learn
SPEED = (0.8, 1.25)
# of an event, and of the ambience relative to an event of 0 dB
EVENT_DB, AMBIENCE_DB = (-6.0, 6.0), (-36.0, -6.0)
LEVEL_DBFS = (-45.0, -15.0)
MOVING_SHARE, ROOM_SHARE = 0.25, 0.75
FAR_DEG = 40.0  # the fastest turn of a source, per second
HIGHEST_DEG = 50.0
NOISE_SAMPLES = 20 * RATE
TRIES = 12


def sounds_of(heard: Path, sounds: Path, part: str) -> list[list[list[Signal]]]:
    """Return recordings of each source of each class, and of each interferer.

    Parts are ``train``, ``held`` and ``unheard``. ``held`` has other recordings of the training's voices and noises,
    and other instruments, kits, alarms and interferers. ``unheard`` has the same, with untrained voices.
    """
    voices = {**read_voices(heard / "near"), **read_voices(heard / "speech")}
    voices = {name: clips for name, clips in voices.items() if is_speech(name)}
    if part == "unheard":
        voices = {name: clips for name, clips in voices.items() if name in HELD_VOICES}
    else:
        voices = part_of(voices, part)
    speech = [[as_float(clip) for clip in clips] for clips in voices.values() if clips]
    folder = sounds / ("train" if part == "train" else "held")
    others = [
        [[read_wav(path, RATE).samples] for path in sorted((folder / name).glob("*.wav"))]
        for name in (*CLASSES[1:], "other")
    ]
    return [speech, *others]


def as_float(clip: Samples) -> Signal:
    """Samples of 16 bits in [-1, 1]."""
    return clip.astype(np.float32) / np.float32(32768)


class Scenes:
    """Draws scenes of folders that `prepare` made."""

    def __init__(
        self,
        heard: Path,
        sounds: Path,
        part: str,
        seed: int,
        seconds: float = SECONDS,
        events: tuple[int, int] = EVENTS,
        interferers: tuple[int, int] = INTERFERERS,
    ) -> None:
        """Draw from a part (`sounds_of`) scenes of a length in seconds.

        Numbers of events and of interferers have a lowest, and an end that they do not reach.
        """
        self.events, self.interferers = events, interferers
        self.frames = int(seconds * RATE) // HOP
        self.shares = TRAINED_SHARES if part == "train" else None
        self.random = np.random.default_rng(seed)
        self.sounds = sounds_of(heard, sounds, part)
        noise_clips = noises(heard / "noise", "train" if part == "train" else "held")
        self.noises = [as_float(clip) for clip in noise_clips.values()]
        if part == "train":  # noises from one direction
            self.sounds[INTERFERER] += [[clip] for clip in self.noises]
        self.features = Frontend(FRONTEND, RATE)

    def sound(self, event: Event) -> Signal:
        """A stretch of a recording of its class, at an RMS of 1 where it is loud."""
        random, sources = self.random, self.sounds[event.kind]
        clips = sources[random.integers(len(sources))]
        speed, size = float(random.uniform(*SPEED)), (event.stop - event.start) * HOP
        wanted, parts = int(size * speed) + 64, list[Signal]()
        while sum(part.size for part in parts) < wanted:
            clip = clips[random.integers(len(clips))]
            first = int(random.integers(max(clip.size - wanted, 1)))
            parts.append(clip[first : first + wanted])
        sound = soxr.resample(np.concatenate(parts)[:wanted], RATE, RATE / speed, quality="MQ")[
            :size
        ]
        peak = float(np.abs(sound).max())
        if peak < 1e-3:  # a rest
            return self.sound(event)
        loud = np.abs(sound) > 0.05 * peak
        return np.asarray(sound / np.float32(rms(sound[loud])), np.float32)

    def path(self, seconds: float) -> tuple[Direction, ...]:
        """A direction, or a path of a few."""
        random = self.random
        azimuth = float(random.uniform(-180, 180))
        elevation = float(random.uniform(-HIGHEST_DEG, HIGHEST_DEG))
        if random.random() >= MOVING_SHARE:
            return ((azimuth, elevation),)
        turn = float(random.uniform(-FAR_DEG, FAR_DEG)) * seconds
        return tuple((azimuth + turn * share, elevation) for share in np.linspace(0, 1, 5))

    def plan(self) -> list[Event]:
        """Return events; no two of a kind overlap, and at most `OVERLAP` classes sound at once."""
        random = self.random
        busy = np.zeros((INTERFERER + 1, self.frames), bool)
        events = list[Event]()
        count = random.integers(*self.events)
        for number in range(count + random.integers(*self.interferers)):
            for _ in range(TRIES):
                interferes = number >= count
                kind = INTERFERER if interferes else random.choice(len(CLASSES), p=self.shares)
                size = min(int(random.uniform(*EVENT_S) * RATE) // HOP, self.frames)
                start = int(random.integers(self.frames - size + 1))
                stop = start + size
                here = busy[:, start:stop]
                if here[kind].any() or (not interferes and here.sum(0).max() >= OVERLAP):
                    continue
                busy[kind, start:stop] = True
                events.append(Event(int(kind), start, stop, self.path(size * HOP / RATE)))
                break
        return events

    def scene(self) -> Scene:
        """Events in rooms, or outdoors, and ambience."""
        random, events = self.random, self.plan()
        sounds = [
            np.float32(10 ** (random.uniform(*EVENT_DB) / 20)) * self.sound(event)
            for event in events
        ]
        noise = self.noises[random.integers(len(self.noises))]
        start = int(random.integers(max(noise.size - NOISE_SAMPLES, 1)))
        noise = noise[start : start + NOISE_SAMPLES]
        noise = noise * np.float32(
            10 ** (random.uniform(*AMBIENCE_DB) / 20) / max(rms(noise), 1e-9)
        )
        level, indoors = float(random.uniform(*LEVEL_DBFS)), random.random() < ROOM_SHARE
        return stage_events(events, sounds, noise, self.frames, level, indoors, random)

    def batch(self, size: int) -> tuple[Tensor, Tensor]:
        """Return features (size, 7, bands, frames), and targets `LATE` frames late, (size, frames, 12)."""
        scenes = [self.scene() for _ in range(size)]
        features = self.features(torch.from_numpy(np.stack([scene.pcm for scene in scenes])))
        labels = np.stack([late(scene.vectors) for scene in scenes])
        return features, torch.from_numpy(labels.reshape(size, self.frames, -1))


def late(told: Signal) -> Signal:
    """Return vectors (frames, classes, 3) as targets of the network: `LATE` frames later."""
    return np.concatenate([np.zeros_like(told[:LATE]), told[:-LATE]])
