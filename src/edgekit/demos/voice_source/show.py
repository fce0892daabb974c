"""`edgekit demo voice-source`: when the vocal folds close, in a synthesised voice and in a spoken sentence."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgekit.base.arrays import Float32, Float64
from edgekit.base.npz import read_npz
from edgekit.base.output import complete_folder
from edgekit.base.progress import Progress
from edgekit.base.wav import read_wav, write_wav
from edgekit.demos.figures import new_figure
from edgekit.demos.hearable import HearableDemo, Quality, play_builds
from edgekit.demos.show_denoise import CLIPS as DENOISE_CLIPS
from edgekit.demos.voice_source.closures import DELAY, RATE, instants, score_closures
from edgekit.runtime.stream import Stream
from edgekit.verbs.export.options import ExportOptions

HERE = Path(__file__).parent
NETWORK, CLIPS = HERE / "voice_source.onnx", HERE / "clips"
HOP = 64  # samples: four frames
RECIPES = ("float32", "w8a16")
KEPT = "w8a16"
SHOWN_S = (1.35, 1.5)  # of the sentence, in the picture


def options(recipe: str, calibration: Path) -> ExportOptions:
    """Return the export options of the network."""
    return ExportOptions(
        recipe=recipe, calibration=str(calibration), sample_rate=RATE, hop=HOP, time_axes={"pcm": 2}
    )


def calibration_clips(folder: Path) -> Path:
    """Return the calibration clips of the integers: the denoiser's, none of which is judged here."""
    folder.mkdir()
    for clip in sorted((DENOISE_CLIPS / "calibration").glob("*.wav")):
        shutil.copy(clip, folder)
    return folder


def heights(stream: Stream, pcm: Float32) -> tuple[Float32, Float64]:
    """Return a build's output for a recording, sample by sample, and the time of each hop in microseconds."""
    stream.reset()
    padded = np.concatenate([pcm, np.zeros(DELAY + HOP, np.float32)])
    said, hop_us = stream.timed_run(
        {"pcm": padded[: padded.size // HOP * HOP].reshape(-1, 1, 1, HOP)}
    )
    return said["closure"].ravel(), hop_us


def quality_of(found: Float64, closed: Float64) -> Quality:
    """Return the scores of the found closures against the known ones."""
    hit, false, errors = score_closures(found, closed)
    return {
        f"closures identified of {closed.size}, %": 100 * hit / closed.size,
        "false, %": 100 * false / closed.size,
        "spread of the error, ms": 1000 * float(errors.std()) if errors.size else None,
    }


def show(
    target: str,
    out: Path,
    progress: Progress,
    recipes: Sequence[str] = RECIPES,
    counted: bool = True,
) -> HearableDemo:
    """Export the network in some of `RECIPES`, stream a synthesised voice and a sentence through each, write all files.

    The kept recipe is among them. For `counted` and for errors see `play_builds`; `out` is a new or an empty folder.
    """
    voice = read_wav(CLIPS / "voice.wav", RATE).samples
    sentence = read_wav(DENOISE_CLIPS / "clean.wav", RATE).samples
    closed = read_npz(CLIPS / "voice.npz")["closed"].astype(np.float64)
    with complete_folder(out) as folder, tempfile.TemporaryDirectory() as scratch:
        clips = calibration_clips(Path(scratch) / "calibration")
        said = dict[str, Float32]()

        def play(recipe: str, stream: Stream) -> tuple[Quality, Float64]:
            heard, hop_us = heights(stream, voice)
            said[recipe] = heights(stream, sentence)[0]
            return quality_of(instants(heard), closed), hop_us

        forms = {recipe: (NETWORK, options(recipe, clips)) for recipe in recipes}
        rows, notes = play_builds(forms, KEPT, target, folder, play, progress, counted)
        found = instants(said[KEPT])
        shutil.copy(CLIPS / "voice.wav", folder / "voice.wav")
        shutil.copy(DENOISE_CLIPS / "clean.wav", folder / "sentence.wav")
        write_wav(folder / "closures.wav", clicks(found, sentence.size), RATE, "PCM_16")
        lines = "\n".join(f"{instant:.5f}" for instant in found)
        (folder / "closures.csv").write_text(f"seconds\n{lines}\n")
        draw(folder / "voice-source.png", sentence, said[KEPT], found)
    files = ("voice.wav", "sentence.wav", "closures.wav", "closures.csv", "voice-source.png")
    notes = (
        "closures.wav clicks at each closure of the sentence: its melody without its words",
        f"a closure is reported {1000 * DELAY / RATE:g} ms and a hop after it",
        *notes,
    )
    report = f"{KEPT}/report.html"
    return HearableDemo("voice-source", out, rows, (*files, report), notes)


def clicks(found: Float64, size: int) -> Float32:
    """A click at each instant."""
    out = np.zeros(size, np.float32)
    at = np.round(found * RATE).astype(int)
    out[at[(at >= 0) & (at < size)]] = 0.5
    return np.convolve(out, np.hanning(7), "same").astype(np.float32)


def draw(path: Path, sentence: Float32, said: Float32, found: Float64) -> None:
    """Write a picture: a stretch of the sentence, the network's output for it, and the closures."""
    figure = new_figure(9, 4)
    above, below = figure.subplots(2, 1, sharex=True)
    begin, end = (int(second * RATE) for second in SHOWN_S)
    seconds = np.arange(begin, end) / RATE
    above.plot(seconds, sentence[begin:end], linewidth=0.8)
    above.set_ylabel("speech")
    below.plot(seconds, said[begin + DELAY : end + DELAY], linewidth=0.8)
    below.set_ylabel("closure")
    below.set_xlabel("seconds; lines: the vocal folds close")
    for axes in (above, below):
        for instant in found[(found > SHOWN_S[0]) & (found < SHOWN_S[1])]:
            axes.axvline(instant, color="grey", linewidth=0.6)
    figure.savefig(path)
