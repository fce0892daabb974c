"""Clips that the keyword spotter is trained on: features of speech in noise, and where a keyword ended.

The noises and rooms are those of the demo denoiser, `edgekit.demos.denoise_data`.
"""

from pathlib import Path

import numpy as np
import soxr
import torch
from torch import Tensor

from edgekit.base.arrays import Float32, Float64
from edgekit.base.wav import read_wav
from edgekit.demos.denoise_data import (
    CLIP_SAMPLES,
    FFT_SAMPLES,
    Corpus,
    Mixer,
    Samples,
    Signal,
    rms,
)
from edgekit.demos.wake.network import FRONTEND, HOP, RATE
from edgekit.demos.wake.prepare import HELD_VOICES
from edgekit.frontend import Frontend

FRAMES = CLIP_SAMPLES // HOP
SPEEDS = (0.82, 0.9, 1.0, 1.1, 1.2)
HELD_NOISES = ("city", "stream")
SPOKEN, LATEST, UNSURE = 0.02, 0.26, 0.4  # seconds after a keyword's end, and around that
KEYWORD_SHARE = 0.45

Voices = dict[str, list[Samples]]


def read_voices(folder: Path) -> Voices:
    """The wav files below each folder in ``folder``."""
    voices: Voices = {}
    for path in sorted(folder.rglob("*.wav")):
        samples = np.round(read_wav(path, RATE).samples * 32768).clip(-32768, 32767)
        voices.setdefault(path.parent.name, []).append(samples.astype(np.int16))
    return voices


def part_of(voices: Voices, part: str) -> Voices:
    """Every twelfth recording (``held``) or the others (``train``), of the voices that are not held out."""
    return {
        name: [clip for i, clip in enumerate(clips) if (i % 12 == 0) == (part == "held")]
        for name, clips in voices.items()
        if name not in HELD_VOICES
    }


def noises(folder: Path, part: str) -> dict[str, Samples]:
    """The last sixth (``held``) or the rest (``train``) of the noises that are not held out."""
    clips = {path.stem: read_wav(path, RATE).samples for path in sorted(folder.glob("*.wav"))}
    return {
        name: (clip[clip.size * 5 // 6 :] if part == "held" else clip[: clip.size * 5 // 6])
        for name, whole in clips.items()
        if name not in HELD_NOISES
        for clip in [(whole * np.float32(32768)).astype(np.int16)]
    }


def faster(clip: Samples, speed: float) -> Samples:
    """The clip at a speed, its pitch with it."""
    return clip if speed == 1 else np.asarray(soxr.resample(clip, RATE, RATE / speed), np.int16)


def read_corpus(heard: Path, part: str) -> Corpus:
    """Read speech without keywords, at some speeds, and noises, of a part of the sounds of `prepare`."""
    near, speech = (part_of(read_voices(heard / kind), part) for kind in ("near", "speech"))
    speech |= {f"near-{name}": clips for name, clips in near.items()}
    speeds = SPEEDS[::2] if part == "train" else (1.0,)
    return Corpus(
        {
            name: [[faster(clip, speed) for clip in clips] for speed in speeds]
            for name, clips in speech.items()
            if clips
        },
        {name: [clip] for name, clip in noises(heard / "noise", part).items()},
    )


class KeywordMixer(Mixer):
    """Draws clips of 3 s with or without a keyword in them."""

    def __init__(self, heard: Path, part: str, seed: int) -> None:
        """Draw from the sounds of `prepare`.

        Args:
            heard: its folder.
            part: ``train``, or ``held`` for every twelfth recording of the voices and the last sixth of the noises.
            seed: of all random numbers.
        """
        keywords = part_of(read_voices(heard / "keyword"), part)
        self.keywords = [
            [faster(clip, speed) for clip in clips for speed in SPEEDS]
            for clips in keywords.values()
        ]
        corpus = read_corpus(heard, part)
        super().__init__(corpus, seed)
        kinds = (("asterisk",), ("near",), ("klettres", "ktuberling"))
        groups = [[name for name in corpus.voices if name.startswith(kind)] for kind in kinds]
        self.voices = [group or list(corpus.voices) for group in groups]
        self.mel = Frontend(FRONTEND, RATE)

    def spoken(self) -> tuple[Signal, int]:
        """Speech of `FFT_SAMPLES` that ends with a keyword, and where that ends, in samples."""
        rng = self.rng
        clips = self.keywords[rng.integers(len(self.keywords))]
        clip = clips[rng.integers(len(clips))] / np.float32(32768)
        end = int(rng.integers(min(clip.size, CLIP_SAMPLES - HOP), CLIP_SAMPLES - HOP))
        start = end - clip.size
        out = np.zeros(FFT_SAMPLES, np.float32)
        if rng.random() < 0.5:  # other speech before it, and perhaps after it
            other = self.speech() * np.float32(rms(clip) / 0.06 * 10 ** rng.uniform(-0.5, 0.3))
            gap = int(rng.integers(0, RATE // 3))
            out[: max(start - gap, 0)] = other[: max(start - gap, 0)]
            if rng.random() < 0.5:
                out[end + gap :] = other[end + gap :]
        cut = max(-start, 0)
        out[start + cut : end] = clip[cut:]
        return out, end

    def clip(self) -> tuple[Signal, int | None]:
        """PCM of 3 s, and where a keyword ended in it."""
        rng = self.rng
        speech, end = self.spoken() if rng.random() < KEYWORD_SHARE else (self.speech(), None)
        if end is None and rng.random() < 0.15:
            speech = np.zeros_like(speech)
        clean, noise = self.filter_pair(speech, self.noise())
        loud = np.abs(clean) > 0.05 * np.abs(clean).max()
        level = rms(clean[loud]) * 0.7 if loud.any() else 1.0
        snr_db = 60.0 if rng.random() < 0.1 else rng.triangular(-3, 5, 25)
        mixed = clean / np.float32(level) + np.float32(10 ** (-snr_db / 20)) * self.unit(noise)
        scale = 10 ** (rng.uniform(-50, -6) / 20) / rms(mixed)
        mixed *= np.float32(min(scale, 0.99 / float(np.max(np.abs(mixed)))))
        if rng.random() < 0.15:  # as a stream begins
            mixed[: int(rng.integers(0, RATE))] = 0
        return np.asarray(mixed, np.float32), end

    def batch(self, size: int) -> tuple[Tensor, Tensor]:
        """Features (size, bands, `FRAMES`) and labels (size, frames): 1 keyword, 0 none, -1 unsure."""
        clips = [self.clip() for _ in range(size)]
        labels = np.stack([labels_of(end) for _, end in clips])
        pcm = torch.from_numpy(np.stack([signal for signal, _ in clips]))
        return self.mel(pcm), torch.from_numpy(labels)


def labels_of(end: int | None) -> Float32:
    """Return the target of each frame of a clip whose keyword ended at a sample."""
    if end is None:
        return np.zeros(FRAMES, np.float32)
    late = (np.arange(1, FRAMES + 1) * HOP - end) / RATE
    near = (late > -UNSURE) & (late < LATEST + UNSURE)
    hit = (late >= SPOKEN) & (late <= LATEST)
    return np.where(hit, 1, np.where(near, -1, 0)).astype(np.float32)


def augment(mel: Tensor, labels: Tensor, random: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Return features (clips, bands, frames) and labels (clips, frames) as other speakers and microphones give them.

    Bands are stretched by up to a sixth (vocal tract length perturbation: Jaitly and Hinton, 2013), tilted, and raised
    or lowered. Time is stretched before a random frame and squeezed after it, or the other way. A stripe of bands and
    one of frames are now and then set to their mean (SpecAugment: Park et al., 2019).
    """
    clips, bands, frames = mel.shape
    at = torch.arange(bands)[None] * torch.from_numpy(random.uniform(0.86, 1.16, (clips, 1)))
    at = (at + torch.from_numpy(random.uniform(-1.0, 1.0, (clips, 1)))).clamp(0, bands - 1.001)
    out = interpolate_places(mel, at, 1)
    at = torch.from_numpy(np.stack([warp(frames, random) for _ in range(clips)]))
    out, labels = interpolate_places(out, at, 2), labels.gather(1, at.round().long())
    slope = np.linspace(-1, 1, bands)[None, :, None] * random.uniform(-1.5, 1.5, (clips, 1, 1))
    out = out + torch.from_numpy((slope + random.uniform(-2, 2, (clips, 1, 1))).astype(np.float32))
    for clip in np.flatnonzero(random.random(clips) < 0.3):
        band, frame = int(random.integers(bands - 4)), int(random.integers(frames - 12))
        out[clip, band : band + int(random.integers(1, 5))] = out[clip].mean()
        out[clip, :, frame : frame + int(random.integers(1, 6))] = out[clip].mean()
    return out, labels


def interpolate_places(mel: Tensor, at: Tensor, axis: int) -> Tensor:
    """Features at fractional places (clips, places) along bands (axis 1) or frames (2), by linear interpolation."""
    shape = list(mel.shape)
    shape[axis] = at.shape[1]
    where = at[:, :, None] if axis == 1 else at[:, None]
    low = where.floor().long()
    share = (where - low).float()
    above = (low + 1).clamp(max=mel.shape[axis] - 1)
    return (
        mel.gather(axis, low.expand(shape)) * (1 - share)
        + mel.gather(axis, above.expand(shape)) * share
    )


def warp(frames: int, random: np.random.Generator) -> Float64:
    """The frame that each frame is taken from, so that one of the middle half moves by up to a twelfth of the clip."""
    middle = frames * random.uniform(0.25, 0.75)
    moved = middle + frames * random.uniform(-1 / 12, 1 / 12)
    return np.interp(np.arange(frames), [0, middle, frames - 1], [0, moved, frames - 1])
