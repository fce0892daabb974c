"""Makes the sounds of the trainings: sentences of many voices, noises, and the teacher's embedding of each voice.

Get the packages and synthesisers that `edgekit.demos.wake.prepare` names, and the wheel of `teacher`:

    python -m edgekit.demos.target_speech.prepare data voices resemblyzer-0.1.4-py3-none-any.whl

``voices`` then holds ``speech/VOICE`` and ``noise``, with 16 kHz wav files, and ``embeddings.npz``: for each part
(`PARTS`), voice and speed some embeddings (n, 256), of other sentences each. A voice played faster or slower counts
as another one.
"""

import argparse
from pathlib import Path

import numpy as np
import soxr

from edgekit.base.npz import write_npz
from edgekit.base.wav import read_wav, write_wav
from edgekit.demos.denoise_data import Samples
from edgekit.demos.target_speech.head import RATE
from edgekit.demos.target_speech.scenes import recordings
from edgekit.demos.target_speech.teacher import Teacher
from edgekit.demos.wake.data import faster
from edgekit.demos.wake.prepare import VOICES, record, sentences, speak, trim_silence

SENTENCES = 48  # of each synthesised voice
SPEEDS = (0.75, 0.8, 0.86, 0.93, 1.0, 1.08, 1.16, 1.25, 1.33)
ENROLLED_S = 5.0
EMBEDDINGS = 6  # of each talker
PARTS = ("train", "held", "unheard")


def synthesise(out: Path) -> None:
    """Write ``speech/VOICE`` of each synthesiser's voice: pairs of pieces of licence texts."""
    random, pieces = np.random.default_rng(11), sentences()
    for voice in VOICES:
        if voice.name == "nsh":  # does not read Latin letters
            continue
        folder = out / "speech" / voice.name
        folder.mkdir(parents=True, exist_ok=True)
        said = [" ".join(random.choice(pieces, 2, replace=False)) for _ in range(SENTENCES)]
        spoken = [
            (
                text,
                float(random.choice([0.9, 1.0, 1.15])),
                folder / f"{voice.engine}-{number:02}.wav",
            )
            for number, text in enumerate(said)
        ]
        speak(voice, spoken)
        for *_, file in spoken:
            clip = read_wav(file)
            sound = trim_silence(soxr.resample(clip.samples, clip.sample_rate_hz, RATE))
            write_wav(file, sound.astype(np.float32), RATE, "PCM_16")
        print(f"{voice.name}: spoken", flush=True)


def stretches(clips: list[Samples], speed: float, count: int) -> list[np.ndarray]:
    """Some stretches of `ENROLLED_S` of a voice at a speed, each of other recordings as far as they go."""
    size, made, at = int(ENROLLED_S * RATE), [], 0
    for _ in range(count):
        parts: list[np.ndarray] = []
        while sum(part.size for part in parts) < size:
            parts.append(faster(clips[at % len(clips)], speed))
            at += 1
        made.append((np.concatenate(parts)[:size] / 32768).astype(np.float32))
    return made


def write_embeddings(out: Path, wheel: Path) -> None:
    """Write ``embeddings.npz``."""
    teacher, made = Teacher(wheel), {}
    for part in PARTS:
        voices = recordings(out, part)
        for name, clips in voices.items():
            for speed in SPEEDS if part == "train" else (1.0,):
                cut = stretches(clips, speed, EMBEDDINGS)
                made[f"{part}/{name}/{speed}"] = np.stack([teacher.embedding(s) for s in cut])
        print(f"{part}: {len(voices)} voices embedded", flush=True)
    write_npz(out / "embeddings.npz", made)


def main() -> None:
    """Reads the command line and writes all."""
    parser = argparse.ArgumentParser(description="Make what target speech is trained on.")
    parser.add_argument("data", type=Path, help="folder of unpacked packages")
    parser.add_argument("out", type=Path)
    parser.add_argument("wheel", type=Path, help="of resemblyzer")
    given = parser.parse_args()
    record(given.data, given.out)
    synthesise(given.out)
    write_embeddings(given.out, given.wheel)


if __name__ == "__main__":
    main()
