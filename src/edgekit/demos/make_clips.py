"""Mixes the clips in clips/ from pocketsphinx-testdata and blanket, as CREDITS.md describes.

Run ``python -m edgekit.demos.make_clips data``, where data is the folder that `train_denoise.py` describes. The demo
clip has a voice and a noise that are not in the training. The calibration clips have other sentences, and noises of the
training set.
"""

import argparse
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgekit.demos.denoise import SAMPLE_RATE
from edgekit.demos.denoise_data import Samples, Signal, decode, rms

CLIPS = Path(__file__).with_name("clips")
SPEECH = Path("pocketsphinx-testdata/usr/share/pocketsphinx/test/data")
SENTENCE = "librivox/sense_and_sensibility_01_austen_64kb-{}.wav"


@dataclass(frozen=True)
class Recipe:
    """One clip: a sentence, a noise from some second on, and their levels."""

    name: str
    speech: str
    noise: str | None
    noise_from_s: float
    snr_db: float
    level_dbfs: float
    longest_s: float = 4.0


DEMO = Recipe("noisy", SENTENCE.format("0870"), "stream", 20.0, 5.0, -23.0, 10.0)
CALIBRATION = (
    Recipe("calibration/1_birds", SENTENCE.format("0880"), "birds", 8.0, 10.0, -26.0),
    Recipe("calibration/2_boat", SENTENCE.format("0920"), "boat", 3.0, 5.0, -20.0),
    Recipe("calibration/3_wind", SENTENCE.format("0930"), "wind", 2.0, 0.0, -30.0),
    Recipe("calibration/4_fireplace", "cards/005.wav", "fireplace", 4.0, 15.0, -23.0),
    Recipe("calibration/5_summer-night", "numbers.raw", "summer-night", 10.0, 7.0, -35.0),
    Recipe("calibration/6_clean", SENTENCE.format("0890"), None, 0.0, 0.0, -20.0),
)


def mix(recipe: Recipe, data: Path) -> tuple[Signal, Signal]:
    """The clip and its clean reference; the speech loses its mean (LibriVox has an offset)."""
    path = data / SPEECH / recipe.speech
    raw = np.fromfile(path, "<i2") if path.suffix == ".raw" else decode(path)
    speech = raw[: int(recipe.longest_s * SAMPLE_RATE)].astype(np.float32)
    speech -= speech.mean()
    noisy = speech
    if recipe.noise is not None:
        start = int(recipe.noise_from_s * SAMPLE_RATE)
        noise = decode(data / "blanket" / f"{recipe.noise}.ogg")[start : start + speech.size]
        scale = rms(speech) / rms(noise.astype(np.float32)) * 10 ** (-recipe.snr_db / 20)
        noisy = speech + np.float32(scale) * noise
    level = np.float32(32768 * 10 ** (recipe.level_dbfs / 20) / rms(noisy))
    return level * noisy, level * speech


def write(name: str, signal: Signal) -> None:
    """Writes a 16-bit mono wav."""
    samples: Samples = np.clip(np.round(signal), -32768, 32767).astype("<i2")
    path = CLIPS / f"{name}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SAMPLE_RATE)
        out.writeframes(samples.tobytes())


def main() -> None:
    """Reads the command line and writes every clip."""
    parser = argparse.ArgumentParser(description="Mix the demo and calibration clips.")
    parser.add_argument("data", type=Path, help="folder of unpacked packages")
    data = parser.parse_args().data
    noisy, clean = mix(DEMO, data)
    write("noisy", noisy)
    write("clean", clean)
    for recipe in CALIBRATION:
        write(recipe.name, mix(recipe, data)[0])


if __name__ == "__main__":
    main()
