"""`edgekit demo wake`: the keyword spotter, float and integer, processes a scene hop by hop."""

import json
import shlex
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgekit.base.arrays import Float32, Float64
from edgekit.base.output import complete_folder
from edgekit.base.progress import Progress
from edgekit.base.wav import Samples, read_wav, write_wav
from edgekit.demos.figures import draw_spectrogram, new_figure
from edgekit.demos.hearable import HearableDemo, Quality, play_builds
from edgekit.demos.show_denoise import CLIPS as DENOISE_CLIPS
from edgekit.runtime.stream import Stream
from edgekit.verbs.export.options import ExportOptions

HERE = Path(__file__).parent
NETWORK, CLIPS = HERE / "wake.onnx", HERE / "clips"
RATE, HOP = 16_000, 320
FRONTEND = "mel:512:320:hann:32:log"
LABEL = "okay_marimba"
ON = 0.7
DECIDE = f"sigmoid:smooth=0.1s:on={ON}:off=0.3:hold=1s:labels={LABEL}"
RECIPES = ("float32", "w8a8")
KEPT = "w8a8"
EARLY_S, LATE_S = (
    0.4,
    0.6,
)  # a detection belongs to a keyword from this time before its end to this time after it
BEEP_HZ, BEEP_S = 1760, 0.12


@dataclass(frozen=True)
class SpotterOutput:
    """The output of a build for a sound: its score in every hop, and the keyword detections, in seconds."""

    score: Float32
    times_s: tuple[float, ...]
    hop_us: Float64


def options(recipe: str, calibration: Path) -> ExportOptions:
    """Return the export options of the network."""
    return ExportOptions(
        recipe=recipe,
        calibration=str(calibration),
        sample_rate=RATE,
        frontend=FRONTEND,
        time_axes={"mel": 2},
        decide=DECIDE,
    )


def calibration_clips(folder: Path) -> Path:
    """Return the calibration clips of the integers: the denoiser's clips of speech in noise, and two keywords."""
    folder.mkdir()
    for clip in sorted((DENOISE_CLIPS / "calibration").glob("*.wav")):
        shutil.copy(clip, folder)
    shutil.copy(CLIPS / "calibration.wav", folder)
    return folder


def hear(stream: Stream, samples: Samples) -> SpotterOutput:
    """Stream PCM of 16 kHz through a build from its start."""
    stream.reset()
    hops = samples[: samples.size // HOP * HOP].reshape(-1, 1, HOP)
    name = stream.manifest.stream_inputs[0].name
    said, hop_us = stream.timed_run({name: hops})
    times = (np.flatnonzero(said["detected"].ravel()) + 1) * HOP / RATE
    return SpotterOutput(said["score"].ravel(), tuple(float(time) for time in times), hop_us)


def count_detections(times_s: tuple[float, ...], ends_s: list[float]) -> tuple[int, int]:
    """Keywords found, and detections that belong to none."""
    found = [any(-EARLY_S <= time - end <= LATE_S for time in times_s) for end in ends_s]
    false = [not any(-EARLY_S <= time - end <= LATE_S for end in ends_s) for time in times_s]
    return sum(found), sum(false)


def quality_of(times_s: tuple[float, ...], ends_s: list[float]) -> Quality:
    """Return the scores of detections against keywords that end at these times."""
    found, false = count_detections(times_s, ends_s)
    late = [time - end for end in ends_s for time in times_s if -EARLY_S <= time - end <= LATE_S]
    return {
        f"keywords found of {len(ends_s)}": float(found),
        "false alarms": float(false),
        "median ms after the word": 1000 * float(np.median(late)) if late else None,
    }


def show(
    target: str,
    out: Path,
    progress: Progress,
    recipes: Sequence[str] = RECIPES,
    counted: bool = True,
) -> HearableDemo:
    """Export the spotter in some of `RECIPES`, stream the scene through each, write all files.

    The kept recipe is among them. For `counted` and for errors see `play_builds`; `out` is a new or an empty folder.
    """
    scene = read_wav(CLIPS / "scene.wav", RATE).samples
    ends = json.loads((CLIPS / "scene.json").read_text())["keywords_end_s"]
    with complete_folder(out) as folder, tempfile.TemporaryDirectory() as scratch:
        clips = calibration_clips(Path(scratch) / "calibration")
        scores = dict[str, SpotterOutput]()

        def play(recipe: str, stream: Stream) -> tuple[Quality, Float64]:
            heard = scores[recipe] = hear(stream, scene)
            return quality_of(heard.times_s, ends), heard.hop_us

        forms = {recipe: (NETWORK, options(recipe, clips)) for recipe in recipes}
        rows, notes = play_builds(forms, KEPT, target, folder, play, progress, counted)
        shutil.copy(CLIPS / "scene.wav", folder / "scene.wav")
        write_wav(folder / "heard.wav", with_beeps(scene, scores[KEPT].times_s), RATE, "PCM_16")
        draw(folder / "wake.png", scene, ends, scores)
    files = ("scene.wav", "heard.wav", "wake.png", f"{KEPT}/report.html")
    said = (
        "heard.wav is the scene, with a tone wherever the build detected the keyword",
        f"live: edgekit run {shlex.quote(f'{out}/{KEPT}')} --mic",
    )
    return HearableDemo("wake", out, rows, files, (*said, *notes))


def with_beeps(scene: Samples, times_s: tuple[float, ...]) -> Samples:
    """The scene with a tone at each time."""
    out = scene.copy()
    length = int(BEEP_S * RATE)
    beep = 0.3 * np.sin(2 * np.pi * BEEP_HZ / RATE * np.arange(length)) * np.hanning(length)
    for time in times_s:
        start = min(int(time * RATE), out.size - length)
        out[start : start + length] += beep.astype(np.float32)
    return out.clip(-1, 1)


def draw(path: Path, scene: Samples, ends: list[float], scores: dict[str, SpotterOutput]) -> None:
    """Write a picture: the spectrogram, where keywords end, and the scores of the builds."""
    figure = new_figure(9, 5)
    above, below = figure.subplots(2, 1, sharex=True)
    draw_spectrogram(above, scene, RATE)
    above.set_ylabel("kHz")
    for name, heard in scores.items():
        seconds = (np.arange(heard.score.size) + 1) * HOP / RATE
        (line,) = below.plot(seconds, heard.score, label=name)
        for time in heard.times_s:
            below.plot(time, 1.03, "v", color=line.get_color())
    for end in ends:
        above.axvline(end, color="white", linewidth=0.8)
        below.axvline(end, color="grey", linewidth=0.8)
    below.axhline(ON, color="grey", linestyle=":")
    below.set_ylim(0, 1.1)
    below.set_ylabel("score")
    below.set_xlabel("seconds; lines: a keyword ends, triangles: detected")
    below.legend(loc="center")
    figure.savefig(path)
