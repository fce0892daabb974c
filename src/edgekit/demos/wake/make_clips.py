"""Mixes the clips in clips/ as CREDITS.md describes: a scene with four keywords, and one to calibrate on.

    python -m edgekit.demos.wake.make_clips data heard

``data`` and ``heard`` are the folders of `edgekit.demos.wake.prepare`. The scene has a voice of keywords, a reader
and a noise that are not in the training.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from edgekit.base.wav import read_wav, write_wav
from edgekit.demos.denoise_data import decode, rms
from edgekit.demos.make_clips import SENTENCE, SPEECH
from edgekit.demos.wake.network import RATE

CLIPS = Path(__file__).with_name("clips")
SNR_DB, LEVEL_DBFS = 5.0, -23.0
NOISE_FROM_S = 40.0
PAUSE_S = 0.45
SPOKEN = ("00-100", "0880", "03-100", "near-02-100", "0890", "00-125", "0930", "01-80")


def sound(name: str, data: Path, heard: Path) -> np.ndarray:
    """A keyword, a near miss or a sentence, at an RMS of 1 without its mean."""
    if name.startswith("0") and "-" in name:
        clip = read_wav(heard / "keyword" / "ked" / f"festival-{name}.wav").samples
    elif name.startswith("near"):
        clip = read_wav(heard / "near" / "ked" / f"{name.replace('near', 'festival')}.wav").samples
    else:
        clip = decode(data / SPEECH / SENTENCE.format(name)).astype(np.float32)
    clip = clip - clip.mean()
    return np.asarray(clip / rms(clip), np.float32)


def scene(data: Path, heard: Path) -> tuple[np.ndarray, list[float]]:
    """The sound, and when its keywords end, in seconds."""
    parts, ends, at = [np.zeros(RATE // 2, np.float32)], [], RATE // 2
    for name in SPOKEN:
        clip = sound(name, data, heard)
        parts += [clip, np.zeros(int(PAUSE_S * RATE), np.float32)]
        if name.startswith("0") and "-" in name:
            ends.append(round((at + clip.size) / RATE, 3))
        at += parts[-2].size + parts[-1].size
    speech = np.concatenate(parts)
    start = int(NOISE_FROM_S * RATE)
    noise = decode(data / "blanket" / "stream.ogg")[start : start + speech.size].astype(np.float32)
    mixed = speech + np.float32(10 ** (-SNR_DB / 20) / rms(noise)) * noise
    return np.asarray(mixed * 10 ** (LEVEL_DBFS / 20) / rms(mixed), np.float32), ends


def main() -> None:
    """Reads the command line and writes the clips."""
    parser = argparse.ArgumentParser(description="Mix the clips of the keyword spotter.")
    parser.add_argument("data", type=Path)
    parser.add_argument("heard", type=Path)
    given = parser.parse_args()
    CLIPS.mkdir(exist_ok=True)
    mixed, ends = scene(given.data, given.heard)
    write_wav(CLIPS / "scene.wav", mixed, RATE, "PCM_16")
    (CLIPS / "scene.json").write_text(json.dumps({"keywords_end_s": ends}) + "\n")
    spoken = [
        read_wav(given.heard / "keyword" / "kal" / f"festival-{name}.wav").samples
        for name in ("00-100", "03-125")
    ]
    gap = np.zeros(RATE // 2, np.float32)
    calibration = np.concatenate([gap, spoken[0], gap, spoken[1], gap])
    calibration *= np.float32(10 ** (LEVEL_DBFS / 20) / rms(calibration))
    write_wav(CLIPS / "calibration.wav", calibration, RATE, "PCM_16")


if __name__ == "__main__":
    main()
