"""`edgekit demo scene`: sound sources and their directions, from four channels of first-order ambisonics."""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgekit.base.arrays import Float64
from edgekit.base.json_values import JsonObject
from edgekit.base.layout import parse_layout
from edgekit.base.output import complete_folder
from edgekit.base.progress import Progress
from edgekit.base.wav import read_wav, write_wav
from edgekit.demos.figures import new_figure
from edgekit.demos.hearable import HearableDemo, Quality, play_builds
from edgekit.demos.scene.alarms import alarm
from edgekit.demos.scene.ambisonics import Signal
from edgekit.demos.scene.facts import CLASSES, FRONTEND, HOP, LATE, RATE
from edgekit.demos.scene.scene_scores import ACTIVE, Scores, Vectors
from edgekit.demos.scene.scene_staging import Event, Scene, stage_events
from edgekit.demos.show_denoise import CLIPS as DENOISE_CLIPS
from edgekit.runtime.stream import Stream
from edgekit.verbs.export.options import ExportOptions

HERE = Path(__file__).parent
NETWORK = HERE / "scene.onnx"
RECIPES = ("float32", "w8a8")
KEPT = "w8a8"
LEVELS_DBFS = (-20.0, -45.0)  # of the integers' calibration
FRAMES = 10 * RATE // HOP
SEED = 5
NOISE_DB = -22.0
# class, first second and last, directions that it passes
PLAN = (
    ("speech", 0.4, 3.4, ((40.0, 0.0),)),
    ("alarm", 2.4, 4.6, ((-100.0, 20.0),)),
    ("music", 4.8, 7.6, ((160.0, -10.0), (70.0, -10.0))),
    ("drums", 6.4, 8.8, ((-30.0, 10.0),)),
    ("speech", 8.0, 9.8, ((-150.0, 0.0),)),
)
COLOURS = dict(zip(CLASSES, ("tab:blue", "tab:red", "tab:green", "tab:orange"), strict=True))


@dataclass(frozen=True)
class Found:
    """A sound that was found: its class, from a second to another, and its mean direction in degrees."""

    name: str
    start_s: float
    stop_s: float
    azimuth_deg: float
    elevation_deg: float


def options(recipe: str, calibration: Path) -> ExportOptions:
    """Return the export options of the network."""
    return ExportOptions(
        recipe=recipe,
        calibration=str(calibration),
        sample_rate=RATE,
        frontend=FRONTEND,
        time_axes={"ears": 3},
        layouts={"ears": parse_layout("NCFT")},
    )


def stage(seed: int = SEED, level_dbfs: float = -25.0) -> Scene:
    """Ten seconds that are made of clips of the other demos, drums and an alarm; rooms are drawn."""
    random = np.random.default_rng(seed)
    demos = HERE.parent
    clips_by_name = {
        "speech": read_wav(DENOISE_CLIPS / "clean.wav", RATE).samples,
        "music": read_wav(demos / "instrument" / "clips" / "melody.wav", RATE).samples,
        "drums": read_wav(HERE / "clips" / "drums.wav", RATE).samples,
        "alarm": alarm(np.random.default_rng(11)),
    }
    events, sounds = list[Event](), list[Signal]()
    for name, first, last, path in PLAN:
        start, stop = (int(second * RATE) // HOP for second in (first, last))
        sound = clips_by_name[name]
        offset = int(first * RATE) % max(sound.size - (stop - start) * HOP, 1)
        cut = np.resize(sound[offset:], (stop - start) * HOP)
        loud = np.abs(cut) > 0.05 * np.abs(cut).max()
        events.append(Event(CLASSES.index(name), start, stop, path))
        sounds.append(cut / np.float32(np.sqrt(np.mean(np.square(cut[loud])))))
    noise = read_wav(demos / "target_speech" / "clips" / "noise.wav", RATE).samples
    noise = noise * np.float32(10 ** (NOISE_DB / 20) / np.sqrt(np.mean(np.square(noise))))
    return stage_events(events, sounds, noise, FRAMES, level_dbfs, True, random)


def calibration_clips(folder: Path) -> Path:
    """Write the calibration clips of the integers: two other seconds of the sounds, loud and quiet."""
    folder.mkdir()
    for number, level in enumerate(LEVELS_DBFS):
        sound = stage(SEED + 1 + number, level).pcm[:, : 5 * RATE]
        write_wav(folder / f"{number}.wav", sound, RATE, "PCM_16")
    return folder


def hear(stream: Stream, pcm: Signal) -> tuple[Vectors, Float64]:
    """The vectors (frames, classes, 3) of a recording (4, samples), in time with it, and microseconds of each hop."""
    stream.reset()
    padded = np.concatenate([pcm, np.zeros((4, LATE * HOP), np.float32)], 1)
    count = padded.shape[1] // HOP
    hops = padded[:, : count * HOP].reshape(4, count, HOP).swapaxes(0, 1)
    name = stream.manifest.stream_inputs[0].name
    said, hop_us = stream.timed_run({name: np.ascontiguousarray(hops[:, None], np.float32)})
    return said["vectors"].reshape(count, len(CLASSES), 3)[LATE:], hop_us


def quality_of(said: Vectors, known: Vectors) -> Quality:
    """The scores of a recording."""
    scores = Scores()
    scores.add(said, known)
    return {
        "F20, %": scores.f20,
        "localisation error, degrees": None if np.isnan(scores.error_deg) else scores.error_deg,
        "localisation recall, %": scores.recall,
    }


def found(said: Vectors) -> list[Found]:
    """Stretches of frames in which a class sounds, of five frames at least, in the order in which they begin."""
    out = list[Found]()
    for kind, name in enumerate(CLASSES):
        active = np.linalg.norm(said[:, kind], axis=-1) > ACTIVE
        edges = np.flatnonzero(np.diff(np.concatenate([[False], active, [False]])))
        for start, stop in edges.reshape(-1, 2):
            if stop - start >= LATE:
                x, y, z = said[start:stop, kind].mean(0)
                azimuth, elevation = np.arctan2(y, x), np.arctan2(z, np.hypot(x, y))
                degrees = (float(np.rad2deg(angle)) for angle in (azimuth, elevation))
                out.append(Found(name, start * HOP / RATE, stop * HOP / RATE, *degrees))
    return sorted(out, key=lambda sound: sound.start_s)


def show(
    target: str,
    out: Path,
    progress: Progress,
    recipes: Sequence[str] = RECIPES,
    counted: bool = True,
) -> HearableDemo:
    """Export the network in some of `RECIPES`, stream the scene through each, write all files.

    The kept recipe is among them. For `counted` and for errors see `play_builds`; `out` is a new or an empty folder.
    """
    scene = stage()
    with complete_folder(out) as folder, tempfile.TemporaryDirectory() as scratch:
        clips = calibration_clips(Path(scratch) / "calibration")
        vectors = dict[str, Vectors]()

        def play(recipe: str, stream: Stream) -> tuple[Quality, Float64]:
            vectors[recipe], hop_us = hear(stream, scene.pcm)
            return quality_of(vectors[recipe], scene.vectors), hop_us

        forms = {recipe: (NETWORK, options(recipe, clips)) for recipe in recipes}
        rows, notes = play_builds(forms, KEPT, target, folder, play, progress, counted)
        write_wav(folder / "scene.wav", scene.pcm, RATE, "PCM_16")
        write_wav(folder / "stereo.wav", cardioids(scene.pcm), RATE, "PCM_16")
        told = [vars(sound) for sound in found(vectors[KEPT])]
        (folder / "found.json").write_text(json.dumps(told, indent=1) + "\n")
        draw(folder / "scene.png", vectors[KEPT], scene.vectors)
    files = ("scene.wav", "stereo.wav", "found.json", "scene.png", f"{KEPT}/report.html")
    said = (
        "scene.wav has the channels W, Y, Z, X; stereo.wav is the sound at two microphones, left and right",
        f"a sound is reported {1000 * LATE * HOP / RATE:g} ms and a hop after it",
    )
    return HearableDemo("scene", out, rows, files, (*said, *notes))


def cardioids(pcm: Signal) -> Signal:
    """Stereo of two cardioid microphones that look to the left and to the right."""
    both = 0.5 * np.stack([pcm[0] + pcm[1], pcm[0] - pcm[1]])
    return np.asarray(both / max(1.0, float(np.abs(both).max())), np.float32)


def draw(path: Path, said: Vectors, known: Vectors) -> None:
    """Write a picture: azimuths over time, and on a circle, time outwards: the truth pale, the findings dark."""
    figure = new_figure(11, 5)
    flat = figure.add_subplot(1, 2, 1)
    circle = figure.add_subplot(1, 2, 2, projection="polar")
    circle.set_theta_zero_location("N")  # type: ignore[attr-defined]
    for kind, name in enumerate(CLASSES):
        for vectors, size, alpha, label in ((known, 60, 0.15, None), (said, 6, 0.9, name)):
            active = np.flatnonzero(np.linalg.norm(vectors[:, kind], axis=-1) > ACTIVE)
            seconds = active * HOP / RATE
            azimuth = np.arctan2(vectors[active, kind, 1], vectors[active, kind, 0])
            style: JsonObject = {"s": size, "color": COLOURS[name], "alpha": alpha, "linewidths": 0}
            flat.scatter(seconds, np.rad2deg(azimuth), label=label, **style)
            circle.scatter(azimuth, seconds, **style)
    flat.set_ylim(-180, 180)
    flat.set_yticks(range(-180, 181, 45))
    flat.set_ylabel("azimuth, degrees; the left is above")
    flat.set_xlabel("seconds")
    flat.legend(loc="upper left")
    circle.set_title("ahead is above; time runs outwards")
    figure.savefig(path)
