"""What sounds where, in scenes that the training does not hear, through the generated C.

    python bench scene HEARD SOUNDS [--scenes N] [--recipes float32 w8a8] [--classes]

HEARD is made by `edgekit.demos.wake.prepare`, SOUNDS by `edgekit.demos.scene.prepare`. Scenes of ten seconds have up to
fourteen sounds, two at once at most, and none or four to eight interferers: animals and machines, each from one
direction. Instruments, kits, alarms and interferers are not those of the training, voices are those of the training
with other sentences (held), or others (unheard). Intervals are 95 % by bootstrap over scenes.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tables import Table

from edgekit import api
from edgekit.demos.scene.facts import CLASSES
from edgekit.demos.scene.scene_scores import Scores, Vectors
from edgekit.demos.scene.scenes import Scenes
from edgekit.demos.scene.show import NETWORK, RECIPES, calibration_clips, hear, options
from edgekit.runtime.stream import Stream

SECONDS, SEED, DRAWS = 10.0, 101, 1000
EVENTS = (6, 15)
INTERFERERS = {"none": (0, 1), "4 to 8": (4, 9)}
PARTS = ("held", "unheard")


def scored(clips: Sequence[tuple[Vectors, Vectors]]) -> Scores:
    """Of what is said and known of some scenes."""
    scores = Scores()
    for said, known in clips:
        scores.add(said, known)
    return scores


def interval(clips: Sequence[tuple[Vectors, Vectors]]) -> tuple[float, float]:
    """Of F20, by bootstrap."""
    random, each = np.random.default_rng(0), [scored([clip]) for clip in clips]
    counts = np.array([[one.right, one.far, one.missed, one.false] for one in each])
    drawn = counts[random.integers(len(each), size=(DRAWS, len(each)))].sum(1)
    low, high = np.quantile([Scores(*row).f20 for row in drawn.tolist()], [0.025, 0.975])
    return float(low), float(high)


def score_cells(clips: Sequence[tuple[Vectors, Vectors]]) -> tuple[str, ...]:
    """F20 and its interval, the error and the recall."""
    scores, (low, high) = scored(clips), interval(clips)
    numbers = (f"{scores.f20:.1f}", f"{low:.0f} to {high:.0f}")
    return (*numbers, f"{scores.error_deg:.1f}", f"{scores.recall:.1f}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("heard", type=Path)
    parser.add_argument("sounds", type=Path)
    parser.add_argument("--scenes", type=int, default=24)
    parser.add_argument("--recipes", nargs="+", default=list(RECIPES))
    parser.add_argument("--classes", action="store_true", help="also a row for each class")
    given = parser.parse_args()
    drawn = {
        (part, name): [source.scene() for _ in range(given.scenes)]
        for part in PARTS
        for name, counts in INTERFERERS.items()
        for source in [Scenes(given.heard, given.sounds, part, SEED, SECONDS, EVENTS, counts)]
    }
    head = ("recipe", "voices", "interferers", "class")
    head += ("F20, %", "95 %", "error, degrees", "recall, %")
    table = Table(*head, title=f"{given.scenes} scenes of {SECONDS:g} s each")
    with tempfile.TemporaryDirectory() as scratch:
        calibration = calibration_clips(Path(scratch) / "clips")
        for recipe in given.recipes:
            build = Path(scratch) / recipe
            api.export(str(NETWORK), "host", build, **options(recipe, calibration))
            stream = Stream.open(build)
            for names, whole in drawn.items():
                clips = [(hear(stream, scene.pcm)[0], scene.vectors) for scene in whole]
                table.add_row(recipe, *names, "all", *score_cells(clips))
                for kind, name in enumerate(CLASSES if given.classes else ()):
                    own = [(said[:, [kind]], known[:, [kind]]) for said, known in clips]
                    table.add_row(recipe, *names, name, *score_cells(own))
    table.show()


if __name__ == "__main__":
    main()
