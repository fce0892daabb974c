"""The bundled target speech on sentences and voices that are not in training, through the generated C.

    python bench target_speech VOICES [--scenes N] [--recipes NAME ...]

VOICES is the folder that `edgekit.demos.target_speech.prepare` made. A scene of four seconds has two talkers at equal
levels and a noise 10 dB below, from anywhere around a head; noises are parts that are not in training. Sentences are
those held out of the voices of the training, and apart from them those of voices that nothing was trained on. Other
scenes are drawn as the paper draws them ("Look Once to Hear": Veluri et al., CHI 2024): see `as_published`. Each
scene is heard with the teacher's embedding of other clean sentences of the target, with that of the enrollment build
after five noisy seconds of the target straight ahead, another talker and a noise aside, and with the other talker's.

Prints the gain of SI-SNR in dB and the standard error of its mean, by each embedding; how often the other talker's
embedding gives what is nearer to the other talker; the errors of level and time between the ears; and what the
integers and a noisy enrollment cost, scene by scene.
"""

import argparse
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tables import Table

from edgekit import api
from edgekit.base.arrays import Array
from edgekit.demos.denoise_data import rms
from edgekit.demos.target_speech.ear_scores import (
    Sound,
    level_difference_db,
    si_snr_db,
    time_difference_s,
)
from edgekit.demos.target_speech.head import RATE, at_ears, room
from edgekit.demos.target_speech.scenes import ROOM_SHARE, Scene, Scenes, Talker
from edgekit.demos.target_speech.show import (
    ENROLLMENT,
    EXTRACTION,
    HOP,
    LOOK_HOP,
    RECIPES,
    calibration_clips,
    clips,
    enroll,
    enrollment_options,
    extract,
    extraction_options,
)
from edgekit.runtime.stream import Stream

SECONDS, LOOK_S, SEED = 4.0, 5.0, 5
PARTS = {"held": "sentences not in training", "unheard": "voices not in training"}
OTHER_DB, NOISE_DB = (0.0, 0.0), (-10.0, -10.0)
# as published: other talkers from one up to here; levels above a noise; how much louder that gets
TALKERS, ABOVE_DB, LOUDER = (1, 3), (15.0, 25.0), (3.0, 10.0)
PEAK = 0.5


@dataclass(frozen=True)
class Case:
    """A scene with the embeddings that it is heard with: clean, enrolled from noise, and of the other talker."""

    scene: Scene
    clean: Array
    noisy: Array
    other: Array


def alike(scenes: Scenes) -> Scene:
    """Two talkers at equal levels and a noise 10 dB below."""
    return scenes.scene(OTHER_DB, NOISE_DB)


def as_published(scenes: Scenes) -> Scene:
    """Two or three talkers, each 15 to 25 dB above a noise that is made 3 to 10 times as large then."""
    random = scenes.random
    talkers = [scenes.talker()]
    for _ in range(int(random.integers(*TALKERS))):
        talkers.append(scenes.talker(talkers))
    heard = [
        from_somewhere(scenes, scenes.speech(talker), random.uniform(*ABOVE_DB))
        for talker in talkers
    ]
    noise = from_somewhere(scenes, scenes.noise(), 20 * np.log10(random.uniform(*LOUDER)))
    mixed = np.sum([*heard, noise], 0)
    gain = np.float32(PEAK / np.abs(mixed).max())
    return Scene(mixed * gain, heard[0] * gain, heard[1] * gain, (talkers[0], talkers[1]))


def from_somewhere(scenes: Scenes, sound: Sound, level_db: float) -> Sound:
    """Sound as both ears hear it, at a level, often in a room."""
    walls = room(scenes.random) if scenes.random.random() < ROOM_SHARE else ()
    ears = at_ears(sound, scenes.path(), walls)
    return ears * np.float32(10 ** (level_db / 20) / rms(ears))


CONDITIONS: dict[str, Callable[[Scenes], Scene]] = {"": alike, ", as published": as_published}


def cases(
    voices: Path, part: str, count: int, watch: Stream, draw: Callable[[Scenes], Scene]
) -> list[Case]:
    """Scenes of a part."""
    scenes = Scenes(voices, part, SEED, int(SECONDS * RATE) // HOP * HOP)
    looks = Scenes(voices, part, SEED + 1, int(LOOK_S * RATE) // LOOK_HOP * LOOK_HOP)
    made = []
    for _ in range(count):
        scene = draw(scenes)
        first, second = scene.talkers
        look = looks.scene(OTHER_DB, NOISE_DB, ahead=True, first=first)
        noisy = enroll(watch, look.mixed)
        clean, other = (mean_of(scenes, talker) for talker in (first, second))
        made.append(Case(scene, clean, noisy, other))
    return made


def mean_of(scenes: Scenes, talker: Talker) -> Array:
    """The teacher's embedding of clean sentences, (1, 256)."""
    mean = scenes.embeddings[talker].mean(0, keepdims=True)
    return np.asarray(mean / np.linalg.norm(mean), np.float32)


@dataclass
class Results:
    """Of every scene: gains by each embedding, whether the other talker was followed, and errors between the ears."""

    clean_db: list[float]
    noisy_db: list[float]
    followed: list[bool]
    level_db: list[float]
    time_us: list[float]


def heard(stream: Stream, every: Sequence[Case]) -> Results:
    """Play each scene through a build three times."""
    results = Results([], [], [], [], [])
    for case in every:
        scene = case.scene
        before = si_snr_db(scene.mixed, scene.target)
        clean, noisy, other = (
            extract(stream, scene.mixed, {0: speaker})[0]
            for speaker in (case.clean, case.noisy, case.other)
        )
        results.clean_db.append(si_snr_db(clean, scene.target) - before)
        results.noisy_db.append(si_snr_db(noisy, scene.target) - before)
        results.followed.append(si_snr_db(other, scene.other) > si_snr_db(other, scene.target))
        for error, of in ((results.level_db, level_difference_db), (results.time_us, microseconds)):
            error.append(abs(of(clean) - of(scene.target)))
    return results


def microseconds(sound: Sound) -> float:
    """The time between the ears."""
    return 1e6 * time_difference_s(sound)


def mean_with_error(values: Sequence[float]) -> str:
    """The mean and its standard error."""
    return f"{np.mean(values):.2f} ({np.std(values) / np.sqrt(len(values)):.2f})"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("voices", type=Path)
    parser.add_argument("--scenes", type=int, default=40)
    parser.add_argument("--recipes", nargs="+", default=list(RECIPES), choices=list(RECIPES))
    given = parser.parse_args()
    head = ["recipe", "scenes of", "gain, dB, clean embedding", "noisy enrollment"]
    head += ["cost of noise", "cost of integers", "other followed, %", "level, dB", "time, us"]
    table = Table(*head, title=f"{given.scenes} scenes of {SECONDS:g} s, mean (standard error)")
    with tempfile.TemporaryDirectory() as scratch:
        build = Path(scratch) / "enrollment"
        api.export(str(ENROLLMENT), "host", build, **enrollment_options())
        watch = Stream.open(build)
        *looks, _ = clips()
        pairs = [(look.mixed, enroll(watch, look.mixed)) for look in looks]
        calibration = calibration_clips(Path(scratch) / "calibration", pairs)
        every = {
            told + condition: cases(given.voices, part, given.scenes, watch, draw)
            for part, told in PARTS.items()
            for condition, draw in CONDITIONS.items()
        }
        first = dict[str, Results]()
        for recipe in given.recipes:
            build = Path(scratch) / recipe
            api.export(str(EXTRACTION), "host", build, **extraction_options(recipe, calibration))
            stream = Stream.open(build)
            for name, scenes in every.items():
                found = heard(stream, scenes)
                float_db = first.setdefault(name, found).clean_db
                table.add_row(
                    recipe,
                    name,
                    mean_with_error(found.clean_db),
                    mean_with_error(found.noisy_db),
                    f"{np.mean(np.subtract(found.clean_db, found.noisy_db)):.2f}",
                    f"{np.mean(np.subtract(float_db, found.clean_db)):.2f}",
                    f"{100 * np.mean(found.followed):.1f}",
                    mean_with_error(found.level_db),
                    mean_with_error(found.time_us),
                )
    table.show()


if __name__ == "__main__":
    main()
