"""The bundled compressor on sounds that its training does not hear, against the formula, through the generated C.

    python bench compressor HEARD [--speech FOLDER] [--clips N]

HEARD is the folder that `edgekit.demos.compressor.prepare` made: its ``held/instruments`` are played. Voices and noises
come from the folder of `speech_data.py`: those that nothing here was trained on. Each kind of sound is played in
clips of two seconds at settings drawn anew, whose knobs are turned once, at a peak of -1 and of -40 dB of full scale.
Prints for each recipe the error-to-signal ratio and the error of the gain, what a turn of a knob does: when it is
heard, and how far the signal steps there, over the step that it makes elsewhere; and how far off the gain of two
lasting tones is.
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from demonstrations.recordings import EVALUATION_NOISES, EVALUATION_VOICES, refuse_heard
from demonstrations.speech_data import FOLDER
from numpy.typing import NDArray
from tables import Table

from edgekit import api
from edgekit.base.wav import read_wav
from edgekit.demos.compressor.data import settings
from edgekit.demos.compressor.formula import HOP, RATE, gain_db
from edgekit.demos.compressor.show import (
    NETWORK,
    RECIPES,
    calibration_clips,
    found_gain_db,
    options,
    quality_of,
    split_into_hops,
)
from edgekit.runtime.stream import Stream

SECONDS, SEED = 2.0, 9
LEVELS_DB = (-1.0, -40.0)
TONE_HZ = 220
# peak of a tone in dB, threshold in dB, ratio, attack and release in ms
TONES = ((-6.0, -30.0, 5.0, 1.0, 20.0), (-18.0, -30.0, 3.0, 5.0, 20.0))
Array = NDArray[np.float32]


def sounds(heard: Path, speech: Path) -> Iterator[tuple[str, list[Path]]]:
    """The files of each kind."""
    refuse_heard(EVALUATION_VOICES, EVALUATION_NOISES)
    yield "instruments", sorted((heard / "held" / "instruments").glob("*.wav"))
    yield "voices", sorted((speech / "voices" / "reader").glob("*.wav"))
    yield "noises", [speech / "noises" / f"{name}.wav" for name in EVALUATION_NOISES]


def clips(files: list[Path], count: int) -> Array:
    """PCM (count, samples), peak 1, of the files in turn."""
    random, made = np.random.default_rng(SEED), []
    size = int(SECONDS * RATE) // HOP * HOP
    for number in range(count):
        sound = read_wav(files[number % len(files)], RATE).samples
        sound = np.resize(sound, max(sound.size, size))
        start = int(random.integers(sound.size - size + 1))
        clip = sound[start : start + size]
        made.append(clip / max(float(np.abs(clip).max()), 1e-4))
    return np.asarray(made, np.float32)


def played(stream: Stream, pcm: Array, knobs: Array) -> Array:
    """What a build makes of a clip (samples,) at knobs (4, hops)."""
    stream.reset()
    given = {"pcm": split_into_hops(pcm), "knobs": knobs.T[:, None, :, None]}
    return np.asarray(stream.run(given)["out"].ravel())


def tone_of(peak: float, hops: int) -> Array:
    """PCM (samples,) of `TONE_HZ`."""
    phase = 2 * np.pi * TONE_HZ / RATE * np.arange(hops * HOP)
    return (peak * np.sin(phase)).astype(np.float32)


def lasting(stream: Stream, level_db: float, *knobs: float) -> tuple[float, float]:
    """Of a tone's second half second: the error of its gain in dB RMS, and its gain by the formula."""
    hops = RATE // HOP
    tone = tone_of(10 ** (level_db / 20), hops)
    still = np.repeat(np.array(knobs, np.float32)[:, None], hops, 1)
    exact = gain_db(tone[None], still[None])[0]
    error = (found_gain_db(tone, played(stream, tone, still)) - exact)[tone.size // 2 :]
    return float(np.sqrt(np.nanmean(np.square(error)))), float(exact[tone.size // 2 :].mean())


def turn(stream: Stream) -> tuple[float, float]:
    """When a turned threshold is heard, in hops, and the largest step of a tone there over that elsewhere."""
    hops, at = 400, 200
    tone = tone_of(0.5, hops)
    still = np.repeat(np.array([[-30.0], [5.0], [1.0], [20.0]], np.float32), hops, 1)
    turned = still.copy()
    turned[:, at:] = np.array([[-6.0], [2.0], [20.0], [40.0]])
    before, after = played(stream, tone, still), played(stream, tone, turned)
    differ = np.flatnonzero(np.abs(after - before) > 1e-3)
    steps = np.abs(np.diff(after))
    begin = at * HOP
    there, later = steps[begin - 1 : begin + 20 * HOP].max(), steps[begin + 100 * HOP :].max()
    return float(np.ceil((differ[0] - begin) / HOP)), float(there / later)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("heard", type=Path)
    parser.add_argument("--speech", type=Path, default=FOLDER)
    parser.add_argument("--clips", type=int, default=14)
    given = parser.parse_args()
    head = (
        *("recipe", "sounds", "peak, dB", "error to signal, %", "worst", "gain, dB RMS", "worst"),
        *("while compressing: error to signal, %", "gain, dB RMS", "mean gain error, dB"),
    )
    table = Table(*head, title=f"{given.clips} clips of {SECONDS:g} s each, knobs turned once")
    turns = Table("recipe", "turn heard after hops", "largest step there, over elsewhere")
    held = Table("recipe", "tone, dB, and knobs", "gain, dB RMS off", "by the formula, dB")
    with tempfile.TemporaryDirectory() as scratch:
        calibration = calibration_clips(Path(scratch) / "clips")
        for recipe in RECIPES:
            build = Path(scratch) / recipe
            api.export(str(NETWORK), "host", build, **options(recipe, calibration))
            stream = Stream.open(build)
            for kind, files in sounds(given.heard, given.speech):
                unit = clips(files, given.clips)
                knobs = settings(
                    np.random.default_rng(SEED), given.clips, unit.shape[1] // HOP, 1.0
                )
                for level in LEVELS_DB:
                    pcm = unit * np.float32(10 ** (level / 20))
                    exact_db = gain_db(pcm, knobs)
                    rows = []
                    for sound, setting, gain in zip(pcm, knobs, exact_db, strict=True):
                        quality = quality_of(sound, played(stream, sound, setting), gain).values()
                        rows.append([np.nan if value is None else value for value in quality])
                    ratio, loud, _, *working = np.array(rows).T
                    cells = (ratio.mean(), ratio.max(), np.nanmean(loud), np.nanmax(loud))
                    cells += tuple(np.nanmean(column) for column in working)
                    table.add_row(recipe, kind, f"{level:g}", *(f"{cell:.3f}" for cell in cells))
            late, step = turn(stream)
            turns.add_row(recipe, f"{late:g}", f"{step:.2f}")
            for tone in TONES:
                off, exact = lasting(stream, *tone)
                held.add_row(recipe, str(tone), f"{off:.1f}", f"{exact:.1f}")
    table.show()
    turns.show()
    held.show()


if __name__ == "__main__":
    main()
