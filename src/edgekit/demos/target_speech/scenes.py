"""Scenes that the networks are trained and judged on: two talkers and a noise around a head."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
import torch
from torch import Tensor

from edgekit.base.arrays import Float32
from edgekit.base.npz import read_npz
from edgekit.demos.denoise_data import Samples, rms
from edgekit.demos.target_speech.head import RATE, Signal, at_ears, room
from edgekit.demos.target_speech.network import HOP
from edgekit.demos.wake.data import noises, part_of, read_voices
from edgekit.demos.wake.prepare import HELD_VOICES

SECONDS = 2.0
STUDIO_SHARE = 0.4  # of the three long recordings
SAME_PERSON = {"asterisk-es": "asterisk-en"}  # both were recorded by Allison Smith
OWN_SPEED_SHARE = 0.5
OTHER_DB, NOISE_DB = (-5.0, 5.0), (-20.0, 2.0)  # relative to the target, at the ears
LEVEL_DBFS = (-45.0, -15.0)
MOVING_SHARE, ROOM_SHARE = 0.2, 0.7
FAR_DEG = 60.0  # that a source moves at most
AHEAD_DEG, ASIDE_DEG = (-5.0, 5.0), (25.0, 335.0)  # of a talker that is looked at, and of others


@dataclass(frozen=True)
class Talker:
    """A voice at a speed; each has its own embeddings."""

    name: str
    speed: float


@dataclass(frozen=True)
class Scene:
    """The sound at two ears, (2, samples) each: all of it, the target, the other talker; and who they are."""

    mixed: Signal
    target: Signal
    other: Signal
    talkers: tuple[Talker, Talker]


def recordings(folder: Path, part: str) -> dict[str, list[Samples]]:
    """Return recordings by voice: ``train``, ``held`` (its other sentences), ``unheard`` (untrained voices)."""
    voices = {
        name: clips for name, clips in read_voices(folder / "speech").items() if is_speech(name)
    }
    if part == "unheard":
        return {name: clips for name, clips in voices.items() if name in HELD_VOICES}
    return part_of(voices, part)


def person(voice: str) -> str:
    """Return the speaker: a voice of the same person."""
    return SAME_PERSON.get(voice, voice)


def is_speech(voice: str) -> bool:
    """Whether a voice of `edgekit.demos.wake.prepare` has sentences, not letters and words."""
    return not voice.startswith(("klettres", "ktuberling"))


class Scenes:
    """Draws scenes of a folder that `prepare` made."""

    def __init__(self, folder: Path, part: str, seed: int, size: int | None = None) -> None:
        """Draw from a part (`recordings`) scenes of ``size`` samples."""
        self.size = int(SECONDS * RATE) // HOP * HOP if size is None else size
        self.random = np.random.default_rng(seed)
        self.voices = recordings(folder, part)
        self.noises = noises(folder / "noise", "train" if part == "train" else "held")
        self.embeddings = embeddings(folder, part)
        self.talkers = sorted(self.embeddings, key=lambda talker: (talker.name, talker.speed))
        self.studio = [name for name in self.voices if name.startswith("asterisk")]
        self.synthetic = [name for name in self.voices if not name.startswith("asterisk")]

    def talker(self, but: Sequence[Talker] = ()) -> Talker:
        """A voice of another person than some, at a speed."""
        random = self.random
        studio = bool(self.studio) and random.random() < STUDIO_SHARE
        taken = {person(other.name) for other in but}
        known, others = (
            [name for name in names if person(name) not in taken]
            for names in (self.studio, self.synthetic)
        )
        names = known if studio and known else others
        name = str(random.choice(names))
        speeds = [talker.speed for talker in self.talkers if talker.name == name]
        own = random.random() < OWN_SPEED_SHARE
        return Talker(name, 1.0 if own else float(random.choice(speeds)))

    def speech(self, talker: Talker) -> Signal:
        """Recordings of a talker one after the other, from somewhere in the first, at an RMS of 1 where they speak."""
        random, clips = self.random, self.voices[talker.name]
        out, at = np.zeros(self.size, np.float32), 0
        while at < self.size:
            clip = clips[random.integers(len(clips))]
            most = int((self.size - at) * talker.speed) + 64
            first = int(random.integers(max(clip.size * 2 // 3, 1))) if at == 0 else 0
            cut = clip[first : first + most] / np.float32(32768)
            if talker.speed != 1:
                cut = soxr.resample(cut, RATE, RATE / talker.speed, quality="MQ")
            stop = min(at + cut.size, self.size)
            out[at:stop] = cut[: stop - at]
            at = stop + int(random.integers(0, RATE // 3))
        return at_level(out)

    def noise(self) -> Signal:
        """A stretch of a noise, at an RMS of 1."""
        clip = self.noises[str(self.random.choice(list(self.noises)))]
        clip = np.resize(clip, max(clip.size, 2 * self.size))
        start = int(self.random.integers(clip.size - self.size))
        sound = clip[start : start + self.size] / np.float32(32768)
        return np.asarray(sound / np.float32(rms(sound)), np.float32)

    def path(self) -> list[float]:
        """Azimuths that a source passes."""
        start = float(self.random.uniform(-180, 180))
        if self.random.random() >= MOVING_SHARE:
            return [start]
        step = float(self.random.uniform(-FAR_DEG, FAR_DEG)) / 6
        return [start + step * knot for knot in range(7)]

    def scene(
        self,
        other_db: tuple[float, float] = OTHER_DB,
        noise_db: tuple[float, float] = NOISE_DB,
        ahead: bool = False,
        first: Talker | None = None,
    ) -> Scene:
        """Return a scene; other talker and noise have levels drawn between bounds, in dB relative to the target.

        With ``ahead`` the target is looked at: it stands straight ahead, and the others do not. ``first`` is the
        target; else that is drawn, too.
        """
        random = self.random
        first = first or self.talker()
        second = self.talker([first])
        sounds = (self.speech(first), self.speech(second), self.noise())
        paths = [self.path() for _ in sounds]
        if ahead:
            paths = [[float(random.uniform(*lane))] for lane in (AHEAD_DEG, ASIDE_DEG, ASIDE_DEG)]
        target, other, noise = (
            at_ears(sound, path, room(random) if random.random() < ROOM_SHARE else ())
            for sound, path in zip(sounds, paths, strict=True)
        )
        own = rms(target)
        other = other * np.float32(own / rms(other) * 10 ** (random.uniform(*other_db) / 20))
        noise = noise * np.float32(own / rms(noise) * 10 ** (random.uniform(*noise_db) / 20))
        mixed: Signal = np.asarray(target + other + noise, np.float32)
        scale = 10 ** (random.uniform(*LEVEL_DBFS) / 20) / rms(mixed)
        gain = np.float32(min(scale, 0.99 / float(np.abs(mixed).max())))
        return Scene(mixed * gain, target * gain, other * gain, (first, second))

    def embedding(self, talker: Talker) -> Float32:
        """Return one embedding of a talker."""
        found = self.embeddings[talker]
        return np.asarray(found[self.random.integers(len(found))], np.float32)

    def batch(self, size: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return mixtures (size, 2, samples), and of both talkers in each, (2 * size, 256) embeddings and sound.

        The sound of one is (2, samples), as it is at both ears.
        """
        scenes = [self.scene() for _ in range(size)]
        speakers = [self.embedding(talker) for scene in scenes for talker in scene.talkers]
        sounds = [sound for scene in scenes for sound in (scene.target, scene.other)]
        mixed = [scene.mixed for scene in scenes]
        return (
            torch.from_numpy(np.stack(mixed)),
            torch.from_numpy(np.stack(speakers)),
            torch.from_numpy(np.stack(sounds)),
        )


def at_level(speech: Signal) -> Signal:
    """Speech at an RMS of 1 where it is louder than a twentieth of its peak."""
    loud = np.abs(speech) > 0.05 * np.abs(speech).max()
    return speech / np.float32(rms(speech[loud]) * 0.7) if loud.any() else speech


def embeddings(folder: Path, part: str) -> Mapping[Talker, Float32]:
    """The teacher's, of a part."""
    found = {}
    for name, values in read_npz(folder / "embeddings.npz").items():
        kind, voice, speed = name.split("/")
        if kind == part and is_speech(voice):
            found[Talker(voice, float(speed))] = np.asarray(values, np.float32)
    return found
