"""Closure instants of voices that the training does not hear, through the generated C.

    python bench voice_source [--voices N] [--recipes RECIPE ...]

Voices are synthesised anew, by the model of the glottis that the network was trained on and by another, two seconds
each.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from tables import Table

from edgekit import api
from edgekit.demos.voice_source.closures import instants, score_closures
from edgekit.demos.voice_source.show import NETWORK, RECIPES, calibration_clips, heights, options
from edgekit.demos.voice_source.synthesis import liljencrants, rosenberg, voice
from edgekit.runtime.stream import Stream

SECONDS, SEED = 2.0, 77
PULSES = {"Rosenberg, as in training": rosenberg, "Liljencrants-Fant": liljencrants}


def known(stream: Stream, count: int, pulse: str) -> tuple[int, float, float, float]:
    """Closures, those identified and false ones in %, and the spread of the errors in ms."""
    random = np.random.default_rng(SEED)
    hit, false, total, errors = 0, 0, 0, []
    for _ in range(count):
        pcm, closed = voice(random, SECONDS, PULSES[pulse])
        found, wrong, off = score_closures(instants(heights(stream, pcm)[0]), closed)
        hit, false, total = hit + found, false + wrong, total + closed.size
        errors.append(off)
    spread = 1000 * float(np.concatenate(errors).std())
    return total, 100 * hit / total, 100 * false / total, spread


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--voices", type=int, default=40)
    parser.add_argument("--recipes", nargs="+", default=list(RECIPES))
    given = parser.parse_args()
    head = ("recipe", "glottis", "closures", "identified, %", "false, %", "spread, ms")
    table = Table(*head, title=f"{given.voices} voices of {SECONDS:g} s each")
    with tempfile.TemporaryDirectory() as scratch:
        calibration = calibration_clips(Path(scratch) / "clips")
        for recipe in given.recipes:
            build = Path(scratch) / recipe
            api.export(str(NETWORK), "host", build, **options(recipe, calibration))
            stream = Stream.open(build)
            for pulse in PULSES:
                total, hit, false, spread = known(stream, given.voices, pulse)
                table.add_row(
                    recipe, pulse, f"{total}", f"{hit:.1f}", f"{false:.1f}", f"{spread:.3f}"
                )
    table.show()


if __name__ == "__main__":
    main()
