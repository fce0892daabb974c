"""Speech in noise for training the demo denoiser: the recordings, and how clips are mixed of them.

The recordings come from Debian packages; `train_denoise.py` describes how to get them. They are few, so nearly
everything is varied: speed, response, room, band, level, and the noise. Two fifths of the noise are synthesised here
(coloured noise, babble, hum, impulses).
"""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import soxr
import torch
from av.error import FFmpegError
from scipy import fft  # type: ignore[import-untyped]
from torch import Tensor

from edgekit.base.arrays import Int16
from edgekit.demos.denoise import SAMPLE_RATE

Samples = Int16
Signal = npt.NDArray[np.floating[Any]]  # float32 throughout

LANGUAGES = ("en", "es", "fr")
NOT_SPEECH = ("beep", "tone", "silence", "monkeys", "weasels", "spam")
# Every noise of blanket but `stream` and `city`, which are held out.
NOISES = (
    *("birds", "boat", "coffee-shop", "fireplace", "pink-noise", "rain"),
    *("storm", "summer-night", "train", "waves", "white-noise", "wind"),
)
# The studio voices are high (a median of 200 Hz): slowed down they stand for lower ones.
VOICE_SPEEDS = (0.62, 0.72, 0.8, 0.88, 0.95, 1.0, 1.07, 1.15, 1.25)
FLITE_SPEEDS = (0.85, 0.92, 1.0, 1.08, 1.18)
FLITE_VOICES = ("rms", "awb", "kal16")  # men, which the recordings lack
FLITE_TEXTS = ("GPL-3", "MPL-2.0", "CC-BY-4.0", "Apache-2.0")
NOISE_SPEEDS = (0.75, 0.9, 1.0, 1.15, 1.3)
CLIP_SAMPLES = 3 * SAMPLE_RATE
FFT_SAMPLES = 54_000  # a clip plus the longest room response, and a length with small factors


def decode(path: Path) -> Samples:
    """The file as 16 kHz mono, whatever its container (G.722 files carry none)."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
    chunks: list[Samples] = []
    container_format = "g722" if path.suffix == ".g722" else None
    with av.open(str(path), format=container_format, metadata_errors="ignore") as container:
        for frame in container.decode(audio=0):
            chunks += [pcm(part) for part in resampler.resample(frame)]
        chunks += [pcm(part) for part in resampler.resample(None)]
    return np.concatenate(chunks) if chunks else np.zeros(0, np.int16)


def pcm(frame: av.AudioFrame) -> Samples:
    """The samples of a mono 16-bit frame."""
    return frame.to_ndarray().reshape(-1).astype(np.int16)


def decode_or_skip(path: Path) -> Samples:
    """As `decode`, but empty for a damaged file: klettres-data has some."""
    try:
        return decode(path)
    except FFmpegError as error:
        print(f"skipped {path}: {error.strerror}")
        return np.zeros(0, np.int16)


def is_clean(samples: Samples, range_db: float) -> bool:
    """Whether quiet frames lie ``range_db`` below loud ones; a smaller range means a noisy recording."""
    if samples.size < SAMPLE_RATE // 3:
        return False
    frames = samples[: samples.size // 320 * 320].reshape(-1, 320).astype(np.float32)
    level_db = 10 * np.log10(np.mean(frames**2, axis=1) + 1.0)
    low, high = np.percentile(level_db, (10, 95))
    return bool(high > 45 and high - low > range_db)


def synthesize(folder: Path) -> None:
    """Has flite read licence texts with its male voices, into ``folder``/voice/number.wav."""
    texts = [Path("/usr/share/common-licenses", name).read_text() for name in FLITE_TEXTS]
    parts = re.split(r"[.;:]\s", re.sub(r"[^A-Za-z.,;:' ]+", " ", " ".join(texts)))
    sentences = [" ".join(part.split()) for part in parts if 50 < len(part) < 160]
    for which, voice in enumerate(FLITE_VOICES):
        (folder / voice).mkdir(parents=True)
        for number, sentence in enumerate(sentences[which :: len(FLITE_VOICES)]):
            out = folder / voice / f"{number:03}.wav"
            stretch = f"duration_stretch={0.8 + number % 4 / 10:.1f}"
            command = ["flite", "-voice", voice, "--setf", stretch, "-t", sentence, "-o", str(out)]
            subprocess.run(command, check=True)


def load_voices(data: Path) -> dict[str, list[Samples]]:
    """Utterances of each voice: three long ones, flite's, and short lists of two games."""
    if not (data / "flite-voices").exists():
        synthesize(data / "flite-voices")
    voices = {}
    for name, paths in recordings_of(data).items():
        spoken = [p for p in paths if not any(w in str(p.relative_to(data)) for w in NOT_SPEECH)]
        # The studio voices are clean, but short words have no pauses to show it.
        range_db = 30.0 if name.startswith(("klettres", "ktuberling")) else 15.0
        kept = [clip for clip in map(decode_or_skip, spoken) if is_clean(clip, range_db)]
        if len(kept) >= 12:
            voices[name] = kept
    return voices


def recordings_of(data: Path) -> dict[str, list[Path]]:
    """The files of each voice."""
    groups = {
        f"flite-{voice}": sorted((data / "flite-voices" / voice).glob("*.wav"))
        for voice in FLITE_VOICES
    }
    for language in LANGUAGES:
        root = data / f"asterisk-core-sounds-{language}-g722"
        groups[f"asterisk-{language}"] = sorted(root.rglob("*.g722"))
    for game in ("klettres", "ktuberling"):
        for path in sorted((data / f"{game}-data").rglob("*")):
            if path.suffix in (".ogg", ".wav", ".opus"):
                parts = path.relative_to(data).parts
                groups.setdefault(f"{game}-{parts[-3]}-{parts[-2]}", []).append(path)
    return groups


def at_speed(samples: Samples, speed: float) -> Samples:
    """The clip played ``speed`` times as fast, with its pitch."""
    if speed == 1.0:
        return samples
    resampled = soxr.resample(samples, SAMPLE_RATE, SAMPLE_RATE / speed, quality="MQ")
    return np.asarray(resampled, np.int16)


@dataclass(frozen=True)
class Corpus:
    """Speech and noise for one purpose: ``voices[name][speed]`` and ``noises[name][speed]``."""

    voices: dict[str, list[list[Samples]]]
    noises: dict[str, list[Samples]]


def load_corpora(data: Path) -> tuple[Corpus, Corpus]:
    """The training and the validation corpus: different utterances, different parts of noises."""
    voices = load_voices(data)
    noises = {name: decode(data / "blanket" / f"{name}.ogg") for name in NOISES}
    train_voices = {
        name: [
            [at_speed(clip, speed) for i, clip in enumerate(clips) if i % 12]
            for speed in (FLITE_SPEEDS if name.startswith("flite") else VOICE_SPEEDS)
        ]
        for name, clips in voices.items()
    }
    train_noises = {
        name: [at_speed(clip[: clip.size * 5 // 6], speed) for speed in NOISE_SPEEDS]
        for name, clip in noises.items()
    }
    held_voices = {name: [clips[::12]] for name, clips in voices.items()}
    held_noises = {name: [clip[clip.size * 5 // 6 :]] for name, clip in noises.items()}
    return Corpus(train_voices, train_noises), Corpus(held_voices, held_noises)


def rms(signal: Signal) -> float:
    """Root mean square, never zero."""
    return float(np.sqrt(np.mean(signal**2) + 1e-12))


def waveform(spectrum: npt.NDArray[np.complexfloating]) -> Signal:
    """The real signal of `FFT_SAMPLES` with this spectrum."""
    return np.asarray(fft.irfft(spectrum.astype(np.complex64), FFT_SAMPLES), np.float32)


class Mixer:
    """Draws clips of speech in noise, each with its clean reference."""

    def __init__(self, corpus: Corpus, seed: int) -> None:
        """Draws from ``corpus``."""
        self.corpus = corpus
        self.rng = np.random.default_rng(seed)
        self.hz = fft.rfftfreq(FFT_SAMPLES, 1 / SAMPLE_RATE).astype(np.float32)
        kinds = (("asterisk",), ("flite",), ("klettres", "ktuberling"))
        self.voices = [[name for name in corpus.voices if name.startswith(kind)] for kind in kinds]

    def speech(self) -> Signal:
        """Utterances of one voice at one speed, one after the other with pauses."""
        rng = self.rng
        name = rng.choice(self.voices[rng.choice(3, p=(0.4, 0.3, 0.3))])
        speeds = self.corpus.voices[name]
        clips = speeds[rng.integers(len(speeds))]
        out = np.zeros(FFT_SAMPLES, np.float32)
        at = -int(rng.integers(0, 4000)) if rng.random() < 0.5 else int(rng.integers(0, 12_000))
        while at < CLIP_SAMPLES:
            clip = clips[rng.integers(len(clips))]
            if clip.size > CLIP_SAMPLES and rng.random() < 0.7:
                clip = clip[rng.integers(clip.size - CLIP_SAMPLES // 2) :]
            start, stop = max(at, 0), min(at + clip.size, CLIP_SAMPLES)
            out[start:stop] = clip[start - at : max(stop - at, start - at)] / np.float32(32768)
            at += clip.size + int(rng.integers(0, 6000))
        return out

    def recorded_noise(self) -> Signal:
        """A stretch of a recorded noise at some speed, perhaps reversed."""
        rng = self.rng
        speeds = self.corpus.noises[rng.choice(list(self.corpus.noises))]
        clip = speeds[rng.integers(len(speeds))]
        clip = np.tile(clip, -(-2 * FFT_SAMPLES // clip.size))
        start = int(rng.integers(clip.size - FFT_SAMPLES))
        out = np.asarray(clip[start : start + FFT_SAMPLES] / 32768, np.float32)
        return out[::-1] if rng.random() < 0.3 else out

    def coloured_noise(self) -> Signal:
        """Gaussian noise with a random slope and a random response."""
        rng = self.rng
        spectrum = rng.standard_normal((2, self.hz.size), dtype=np.float32)
        slope = (np.maximum(self.hz, 40) / 1000) ** -rng.uniform(-0.2, 1.4)
        shaped = (spectrum[0] + 1j * spectrum[1]) * slope * self.response(8.0)
        return waveform(shaped)

    def babble(self) -> Signal:
        """Several training voices at once."""
        voices = [self.speech() for _ in range(self.rng.integers(3, 9))]
        return np.asarray(np.sum([v / rms(v) for v in voices], axis=0), np.float32)

    def hum(self) -> Signal:
        """Harmonics of a drifting fundamental: mains, motors, engines."""
        rng = self.rng
        knots = rng.uniform(35, 300) * (1 + rng.uniform(0, 0.15) * rng.standard_normal(5))
        hz = np.interp(np.linspace(0, 4, FFT_SAMPLES), np.arange(5), knots)
        phase = (2 * np.pi / SAMPLE_RATE * np.cumsum(hz)).astype(np.float32)
        out = np.zeros(FFT_SAMPLES, np.float32)
        decay = rng.uniform(0.3, 1.5)
        for k in range(1, int(rng.integers(4, 20))):
            amplitude = np.float32(rng.uniform(0.2, 1) * k**-decay)
            out += amplitude * np.sin(k * phase + np.float32(rng.uniform(0, 6.28)))
        return out + np.float32(0.1 * rms(out)) * self.unit(self.coloured_noise())

    def impulses(self) -> Signal:
        """Clicks, knocks and rustle: short decaying bursts at random times."""
        rng = self.rng
        out = np.zeros(FFT_SAMPLES, np.float32)
        for _ in range(rng.integers(4, 60)):
            size = int(rng.integers(40, 3000))
            burst = rng.standard_normal(size).astype(np.float32)
            burst *= np.exp(-np.linspace(0, rng.uniform(3, 8), size, dtype=np.float32))
            at = int(rng.integers(FFT_SAMPLES - size))
            out[at : at + size] += np.float32(rng.lognormal(0, 0.7)) * burst
        return out + np.float32(0.1 * rms(out)) * self.unit(self.coloured_noise())

    @staticmethod
    def unit(signal: Signal) -> Signal:
        """The signal at an RMS of one."""
        return signal / np.float32(rms(signal))

    def noise(self) -> Signal:
        """One kind of noise or two, perhaps swelling and fading."""
        rng = self.rng
        kinds = (self.recorded_noise, self.coloured_noise, self.babble, self.hum, self.impulses)
        draw = rng.choice(len(kinds), size=2, p=(0.5, 0.16, 0.2, 0.07, 0.07))
        out = self.unit(kinds[draw[0]]())
        if rng.random() < 0.35:
            out = out + np.float32(10 ** rng.uniform(-0.7, 0.1)) * self.unit(kinds[draw[1]]())
        if rng.random() < 0.3:
            knots = 10 ** (rng.uniform(2, 8) * rng.standard_normal(8) / 20)
            steps = np.linspace(0, 7, FFT_SAMPLES)
            out = out * np.interp(steps, np.arange(8), knots).astype(np.float32)
        return out

    def response(self, spread_db: float) -> Signal:
        """A smooth random magnitude response."""
        knots_hz = np.array([20, 80, 200, 400, 800, 1600, 3200, 5000, 8000])
        knots_db = np.clip(spread_db * self.rng.standard_normal(knots_hz.size), -15, 15)
        log_hz = np.log(np.maximum(self.hz, 20))
        gain_db = np.interp(log_hz, np.log(knots_hz), knots_db).astype(np.float32)
        return np.asarray(10 ** (gain_db / 20), np.float32)

    def shelves(self) -> Signal:
        """Raise or lower bass and treble: distances, microphones, sharp and dull voices."""
        bass_db, treble_db = self.rng.uniform(-8, 15), self.rng.uniform(-8, 10)
        bass = 1 / (1 + (self.hz / self.rng.uniform(100, 400)) ** 3)
        treble = 1 / (1 + (self.rng.uniform(2500, 5500) / np.maximum(self.hz, 1)) ** 4)
        return np.asarray(10 ** ((bass_db * bass + treble_db * treble) / 20), np.float32)

    def band(self) -> Signal:
        """A random band limit with soft edges, as of small loudspeakers and telephones."""
        low, high = self.rng.uniform(30, 350), self.rng.uniform(3200, 7800)
        rise = 1 / (1 + (low / np.maximum(self.hz, 1)) ** 6)
        fall = 1 + (self.hz / high) ** self.rng.uniform(8, 40)
        return np.asarray(rise / fall, np.float32)

    def room(self) -> npt.NDArray[np.complex64]:
        """The response of a small room: a direct path and a decaying tail."""
        size = int(self.rng.uniform(0.05, 0.5) * SAMPLE_RATE)
        tail = self.rng.standard_normal(size) * np.exp(-np.linspace(0, 6.9, size))
        tail *= 10 ** self.rng.uniform(-1.2, -0.2) / np.sqrt(np.sum(tail**2))
        tail[0] = 1.0
        return np.asarray(fft.rfft(tail.astype(np.float32), FFT_SAMPLES), np.complex64)

    def filter_pair(self, speech: Signal, noise: Signal) -> tuple[Signal, Signal]:
        """Both through their own response, and now and then through a common band."""
        rng = self.rng
        speech_spectrum, noise_spectrum = (np.asarray(fft.rfft(x)) for x in (speech, noise))
        speech_spectrum *= self.response(3.0)
        noise_spectrum *= self.response(4.0)
        if rng.random() < 0.6:
            speech_spectrum *= self.shelves()
        if rng.random() < 0.4:
            speech_spectrum *= self.room()
        if rng.random() < 0.25:
            band = self.band()
            speech_spectrum *= band
            noise_spectrum *= band
        return waveform(speech_spectrum)[:CLIP_SAMPLES], waveform(noise_spectrum)[:CLIP_SAMPLES]

    def pair(self) -> tuple[Signal, Signal]:
        """One noisy clip and its clean reference: -7 to 20 dB SNR, -65 to -3 dB full scale."""
        rng = self.rng
        speech, noise = self.filter_pair(self.speech(), self.noise())
        speech, noise = self.unit(speech), self.unit(noise)
        draw, snr_db = rng.random(), rng.triangular(-7, 3, 20)
        if draw < 0.04:
            speech = np.zeros_like(speech)
        elif draw < 0.07:
            snr_db = rng.uniform(30, 60)
        noisy = speech + np.float32(10 ** (-snr_db / 20)) * noise
        scale = 10 ** (rng.uniform(-65, -3) / 20) / rms(noisy)
        gain = np.float32(min(scale, 0.99 / float(np.max(np.abs(noisy)))))
        return gain * noisy, gain * speech

    def batch(self, size: int) -> tuple[Tensor, Tensor]:
        """``size`` pairs as two tensors (size, samples)."""
        noisy, clean = zip(*(self.pair() for _ in range(size)), strict=True)
        return torch.from_numpy(np.stack(noisy)), torch.from_numpy(np.stack(clean))
