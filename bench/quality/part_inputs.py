"""What goes into networks that are parts: their authors' front ends in NumPy, drawn notes and drawn words.

Every function of sound takes (samples,) at 16 kHz and returns a clip, (calls, *shape) by input.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from published_pipelines import frames
from quality.part_networks import CALL, MELS, SCORED, deepfilter_file
from scipy.signal import resample_poly

from edgekit.base.wav import Samples
from edgekit.demos.denoise_data import rms
from edgekit.demos.target_speech.teacher import FRONTEND, LEVEL_DBFS
from edgekit.export.hop_runner import in_onnxruntime
from edgekit.frontend import Frontend

Feeds = Mapping[str, NDArray[Any]]
RATE, FAST, NOTE_RATE, NOTE_CALL = 16000, 48000, 22050, 43844
BINS, HOP, BANDS, LOW, KEPT = 960, 480, 32, 96, 0.99  # of DeepFilterNet3; of its running means
FRAME, FRAME_HOP = 1024, 640  # of CREPE: one frame in four of its usual 10 ms
SIDE, WORDS = (
    160,
    "invoice total 27.50 EUR Main Street open daily EXIT coffee 1984 No. 7 Thank you WARNING",
)
PAPER = (
    (0.485, 0.456, 0.406),
    (0.229, 0.224, 0.225),
)  # mean and deviation that PP-OCR reads pictures with


def called(array: NDArray[Any], calls: int, axis: int) -> NDArray[np.float32]:
    """Cut an axis of frames into calls, which come first."""
    parts = np.split(array.take(range(calls * CALL), axis), calls, axis)
    return np.stack(parts).astype(np.float32)


def widths() -> list[int]:
    """The bins of each ERB band: bands of equal width on the ERB scale, of two bins at least."""
    scale = 24.7 * 9.265
    top = 9.265 * np.log1p(FAST / 2 / scale)
    found, before, over = [], 0, 0
    for band in range(1, BANDS + 1):
        bin_ = round(float(scale * np.expm1(band * top / BANDS / 9.265)) * BINS / FAST)
        wide = max(bin_ - before - over, 2)
        over = wide - (bin_ - before - over)
        found.append(wide)
        before = bin_
    found[-1] += BINS // 2 + 1 - sum(found)
    return found


def features(sound: Samples) -> tuple[NDArray[Any], NDArray[Any]]:
    """DeepFilterNet3's bands (frames, 32), normalized in mean, and low bins (frames, 96), in magnitude."""
    blocks = frames(resample_poly(sound, FAST // RATE, 1), BINS, HOP)
    phase = np.sin(np.pi * (np.arange(BINS) + 0.5) / BINS)
    spectrum = np.fft.rfft(blocks * np.sin(np.pi / 2 * phase**2)) / (BINS**2 / (2 * HOP))
    edges = np.cumsum([0, *widths()[:-1]])
    power = np.add.reduceat(np.abs(spectrum) ** 2, edges, axis=1) / widths()
    bands, low = 10 * np.log10(power + 1e-10), spectrum[:, :LOW]
    mean, size = np.linspace(-60, -90, BANDS), np.linspace(0.001, 0.0001, LOW)
    for k in range(len(bands)):
        mean = KEPT * mean + (1 - KEPT) * bands[k]
        size = KEPT * size + (1 - KEPT) * np.abs(low[k])
        bands[k], low[k] = (bands[k] - mean) / 40, low[k] / np.sqrt(size)
    return bands, low


@cache
def _encoder() -> Any:
    with open(deepfilter_file("enc"), "rb") as file:
        return in_onnxruntime(file.read())


def deepfilter(sound: Samples) -> dict[str, Feeds]:
    """What each part of DeepFilterNet3 reads: the decoders what the float encoder makes of it, 1 s a call.

    The encoder looks two frames ahead: it gets its features two frames early.
    """
    bands, low = features(sound)
    bands, low = bands[2:], low[2:]
    calls = len(bands) // CALL
    erb = called(bands[None, None], calls, 2)
    spec = called(np.stack([low.real, low.imag])[None], calls, 2)
    runs = [_encoder()({"feat_erb": e, "feat_spec": s}) for e, s in zip(erb, spec, strict=True)]
    made = {name: np.stack([run[name] for run in runs]) for name in runs[0]}
    return {
        "enc": {"feat_erb": erb, "feat_spec": spec},
        "erb_dec": {name: made[name] for name in ("emb", "e3", "e2", "e1", "e0")},
        "df_dec": {name: made[name] for name in ("emb", "c0")},
    }


def mels(sound: Samples) -> Feeds:
    """Mel powers of parts of 1.6 s, at the level that the speaker encoder is used at."""
    scaled = (sound * (10 ** (LEVEL_DBFS / 20) / rms(sound))).astype(np.float32)
    with torch.no_grad():
        mel = Frontend(FRONTEND, RATE)(torch.from_numpy(scaled)[None])[0].T.numpy()
    starts = range(0, len(mel) - MELS + 1, MELS // 2)
    return {"mel": np.stack([mel[k : k + MELS][None] for k in starts])}


def frames_of_pitch(sound: Samples) -> Feeds:
    """Frames for CREPE, each of mean 0 and deviation 1."""
    parts = sliding_window_view(sound, FRAME)[::FRAME_HOP].astype(np.float64)
    parts = parts - parts.mean(1, keepdims=True)
    parts /= np.maximum(parts.std(1, keepdims=True), 1e-10)
    return {"samples": parts.astype(np.float32)[:, None, None, :, None]}


def scored(sound: Samples) -> Feeds:
    """One call of DNSMOS, 9 s: the sound again and again, as its authors make short sound longer."""
    return {"input_1": np.resize(sound, SCORED).astype(np.float32)[None, None]}


def notes(sound: Samples) -> Feeds:
    """Calls of basic-pitch, 2 s at 22,050 Hz."""
    fast = resample_poly(sound, NOTE_RATE // 50, RATE // 50)
    calls = max(len(fast) // NOTE_CALL, 1)
    whole = np.resize(fast, calls * NOTE_CALL).astype(np.float32)
    return {"serving_default_input_2:0": whole.reshape(calls, 1, NOTE_CALL, 1)}


def played(seconds: float, seed: int) -> Samples:
    """Notes of decaying harmonics, up to four at a time, (samples,) at 16 kHz."""
    random, total = np.random.default_rng(seed), np.zeros(int(seconds * RATE))
    for start in np.arange(0, seconds, 0.15):
        first, lasting = int(start * RATE), random.uniform(0.2, 1.0)
        time = np.arange(min(int(lasting * RATE), len(total) - first)) / RATE
        pitch = 440 * 2 ** ((random.integers(36, 85) - 69) / 12)
        orders = np.arange(1, max(int(6000 / pitch), 2))
        gains = random.uniform(0.3, 1, len(orders)) / orders ** random.uniform(0.7, 2)
        waves = np.sin(2 * np.pi * pitch * orders[:, None] * time) * gains[:, None]
        rise = np.minimum(time / 0.01, 1) * np.exp(-3 * time / lasting)
        total[first : first + len(time)] += random.uniform(0.05, 0.3) * rise * waves.sum(0)
    return np.asarray(total / max(np.abs(total).max(), 1) * 0.9, np.float32)


def pages(count: int, seed: int) -> list[Feeds]:
    """Drawn words on plain and shaded paper, one picture a clip, as PP-OCR's detector reads pictures."""
    random, words, found = np.random.default_rng(seed), WORDS.split(), []
    for _ in range(count):
        shade = np.linspace(*random.uniform(60, 255, 2), SIDE)[None, :, None]
        paper = np.broadcast_to(shade * random.uniform(0.6, 1, 3), (SIDE, SIDE, 3))
        picture = Image.fromarray(paper.astype(np.uint8))
        draw, y = ImageDraw.Draw(picture), int(random.integers(2, 20))
        while y < SIDE - 12:
            size = int(random.integers(10, 28))
            text = " ".join(random.choice(words, 2))
            ink = tuple(int(x) for x in random.integers(0, 90, 3))
            at = int(random.integers(-4, 40)), y
            draw.text(at, text, ink, ImageFont.load_default(size))
            y += int(size * random.uniform(1.2, 2.5))
        picture = picture.filter(ImageFilter.GaussianBlur(random.uniform(0, 0.8)))
        noisy = np.asarray(picture, np.float32) + random.normal(
            0, random.uniform(0, 8), (SIDE, SIDE, 3)
        )
        mean, deviation = (np.asarray(x, np.float32) for x in PAPER)
        read = (np.clip(noisy, 0, 255) / 255 - mean) / deviation
        found.append({"x": read.astype(np.float32).transpose(2, 0, 1)[None, None]})
    return found
