"""Cuts the clips in clips/ as CREDITS.md describes: two talkers and a noise, each for the looks and for the scene.

    python -m edgekit.demos.target_speech.make_clips voices

``voices`` is the folder of `edgekit.demos.target_speech.prepare`. The sentences are held out of the training, the
noise is not in it.
"""

import argparse
from pathlib import Path

import numpy as np

from edgekit.base.wav import read_wav, write_wav
from edgekit.demos.denoise_data import rms
from edgekit.demos.target_speech.head import RATE

CLIPS = Path(__file__).with_name("clips")
LOOKED_S, SCENE_S = 4.0, 7.0
TALKERS = {
    "first": ("slt", ("flite-00", "flite-12", "flite-36")),
    "second": ("awb", ("flite-12", "flite-36", "flite-24")),
}
NOISE, NOISE_FROM_S = "stream", 60.0
LEVEL_DBFS = -25.0


def talker(folder: Path, names: tuple[str, ...]) -> np.ndarray:
    """Return the speech of a talker while being looked at, and then in the scene."""
    look, *scene = (read_wav(folder / f"{name}.wav").samples for name in names)
    looked, spoken = int(LOOKED_S * RATE), int(SCENE_S * RATE)
    pause = np.zeros(RATE // 4, np.float32)
    joined = np.concatenate([part for sentence in scene for part in (sentence, pause)])
    return np.concatenate([np.resize(look, looked), np.resize(joined, spoken)])


def main() -> None:
    """Reads the command line and writes the clips."""
    parser = argparse.ArgumentParser(description="Cut the clips of target speech.")
    parser.add_argument("voices", type=Path)
    given = parser.parse_args()
    CLIPS.mkdir(exist_ok=True)
    clips = {
        name: talker(given.voices / "speech" / voice, sentences)
        for name, (voice, sentences) in TALKERS.items()
    }
    noise = read_wav(given.voices / "noise" / f"{NOISE}.wav").samples
    start = int(NOISE_FROM_S * RATE)
    clips["noise"] = noise[start : start + int((LOOKED_S + SCENE_S) * RATE)]
    for name, sound in clips.items():
        level = np.float32(10 ** (LEVEL_DBFS / 20) / rms(sound))
        write_wav(CLIPS / f"{name}.wav", (sound * level).clip(-1, 1), RATE, "PCM_16")


if __name__ == "__main__":
    main()
