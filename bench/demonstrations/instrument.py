"""The bundled instrument on lines that nothing here was trained on, through the generated C, and the listener's pitch.

    python bench instrument LINES

LINES is the folder that `edgekit.demos.instrument.prepare` made; its lines ``held`` are played. The listener hears the
dry line; its pitch is compared with the score's. The player plays what was heard, the listener hears that again, and
its pitch is compared with the score's, its loudness with that of the instrument in its room.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from tables import Table

from edgekit import api
from edgekit.base.npz import read_npz
from edgekit.base.wav import read_wav
from edgekit.demos.instrument.show import (
    LISTENER,
    PLAYER,
    RATE,
    RECIPES,
    calibration_clips,
    cents,
    listener_options,
    pitch_and_loudness,
    play_features,
    player_options,
    quality_of,
    score_pitch,
)
from edgekit.runtime.stream import Stream


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lines", type=Path)
    stems = [
        file.with_suffix("") for file in sorted((parser.parse_args().lines / "held").glob("*.npz"))
    ]
    if not stems:
        parser.error(
            "no lines: allowed: a folder of edgekit.demos.instrument.prepare; next: make it"
        )
    table = Table(
        *("line", "build", "loudness error, whole line, dB", "frames in held notes, %"),
        *("loudness error there, dB", "pitch error there, cents, median", "within 50 cents, %"),
    )
    with tempfile.TemporaryDirectory() as scratch:
        build = Path(scratch) / "listener"
        api.export(str(LISTENER), "host", build, **listener_options())
        ears = Stream.open(build)
        dry, wet = (
            [
                pitch_and_loudness(
                    ears, read_wav(stem.with_name(f"{stem.name}.{kind}.wav"), RATE).samples
                )[:2]
                for stem in stems
            ]
            for kind in ("dry", "wet")
        )
        scores = [read_npz(stem.with_suffix(".npz"))["f0"] for stem in stems]
        for stem, (pitch, _), score in zip(stems, dry, scores, strict=True):
            off = np.abs(cents(pitch, score_pitch(score, pitch.size, 0)))
            found = (f"{np.median(off):.2f}", f"{100 * (off < 50).mean():.1f}")
            table.add_row(stem.name, "listener", "", "", "", *found)
        clips = calibration_clips(Path(scratch) / "calibration", dry)
        for recipe in RECIPES:
            build = Path(scratch) / recipe
            api.export(str(PLAYER), "host", build, **player_options(recipe, clips))
            stream = Stream.open(build)
            for stem, given, wanted, score in zip(stems, dry, wet, scores, strict=True):
                again = pitch_and_loudness(ears, play_features(stream, *given)[0])[:2]
                quality = quality_of(again, wanted, score).values()
                table.add_row(stem.name, recipe, *(f"{value:.2f}" for value in quality))
    table.show()


if __name__ == "__main__":
    main()
