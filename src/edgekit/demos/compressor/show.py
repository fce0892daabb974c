"""`edgekit demo compressor`: the network against the formula on music, while its knobs change."""

import shlex
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgekit.base.arrays import Float32, Float64
from edgekit.base.npz import write_npz
from edgekit.base.output import complete_folder
from edgekit.base.progress import Progress
from edgekit.base.wav import read_wav, write_wav
from edgekit.demos.compressor.data import settings
from edgekit.demos.compressor.formula import HOP, RATE, error_to_signal, gain_db
from edgekit.demos.figures import new_figure
from edgekit.demos.hearable import HearableDemo, Quality, play_builds
from edgekit.runtime.stream import Stream
from edgekit.verbs.export.options import ExportOptions

HERE = Path(__file__).parent
NETWORK, CLIPS = HERE / "compressor.onnx", HERE / "clips"
RECIPES = ("float32", "w8a16", "w8a8")
KEPT = "w8a16"
# threshold in dB, ratio, attack and release in ms: each from some second on
TURNS = (
    (0.0, (0.0, 1.0, 5.0, 20.0)),
    (1.0, (-24.0, 4.0, 1.0, 30.0)),
    (2.4, (-30.0, 5.0, 25.0, 40.0)),
    (3.8, (-14.0, 2.0, 2.0, 4.0)),
)
STRETCH_HOPS = 400  # of the clip, to calibrate on
QUIET = 1e-3  # the gain of amplitudes below this is not measurable
WORKING_DB = 1.0  # a gain of the formula below this is compression


def options(recipe: str, calibration: Path) -> ExportOptions:
    """Return the export options of the network."""
    return ExportOptions(
        recipe=recipe,
        calibration=str(calibration),
        sample_rate=RATE,
        hop=HOP,
        time_axes={"pcm": 2, "knobs": 2},
        rates={"knobs": HOP},
        controls=["knobs"],
    )


def knob_values(hops: int) -> Float32:
    """Return knobs (hops, 1, 4, 1) of `TURNS`."""
    seconds = np.arange(hops) * HOP / RATE
    starts = np.array([start for start, _ in TURNS])
    values = np.array([setting for _, setting in TURNS], np.float32)
    return values[np.searchsorted(starts, seconds + 1e-9, "right") - 1][:, None, :, None]


def split_into_hops(pcm: Float32) -> Float32:
    """PCM (hops, 1, 1, samples), its rest left out."""
    return pcm[: pcm.size // HOP * HOP].reshape(-1, 1, 1, HOP)


def calibration_clips(folder: Path) -> Path:
    """Write the calibration clips of the integers: stretches at settings over all ranges, one softer."""
    folder.mkdir()
    pcm = split_into_hops(read_wav(CLIPS / "groove.wav", RATE).samples)
    knobs = settings(np.random.default_rng(3), 2, STRETCH_HOPS, 1.0)
    for number, (start, softer_db) in enumerate(((600, 0), (1800, 12))):
        sound = pcm[start : start + STRETCH_HOPS] * np.float32(10 ** (-softer_db / 20))
        given = {"pcm": sound, "knobs": knobs[number].T[:, None, :, None]}
        write_npz(folder / f"{number}.npz", given)
    return folder


def found_gain_db(dry: Float32, wet: Float32) -> Float32:
    """Return the gain of each sample that is loud enough, at least -60 dB; others are not a number."""
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = 20 * np.log10(np.maximum(np.abs(wet) / np.abs(dry), 1e-3))
    return np.where(np.abs(dry) > QUIET, gain, np.nan).astype(np.float32)


def quality_of(dry: Float32, wet: Float32, exact_db: Float32) -> Quality:
    """Return the error of a build against the formula: over the whole clip, then where the formula compresses.

    Args:
        dry: (samples,) of the input, full scale 1.
        wet: (samples,) of the build's output.
        exact_db: (samples,) of the formula's gain in dB, at most 0.
    """
    exact = dry * 10 ** (exact_db / 20)
    off_db = found_gain_db(dry, wet) - exact_db
    working = exact_db < -WORKING_DB

    def rms(errors: Float32) -> float | None:
        told = errors[np.isfinite(errors)]
        return float(np.sqrt(np.mean(np.square(told)))) if told.size else None

    biased = off_db[working & np.isfinite(off_db)]
    return {
        "error to signal, whole clip, %": 100 * error_to_signal(wet, exact),
        "gain error, whole clip, dB RMS": rms(off_db),
        "share of the samples while compressing, %": 100 * float(working.mean()),
        "error to signal while compressing, %": 100 * error_to_signal(wet[working], exact[working])
        if working.any()
        else None,
        "gain error while compressing, dB RMS": rms(off_db[working]),
        "mean gain error while compressing, dB (above 0: too loud)": float(biased.mean())
        if biased.size
        else None,
    }


def show(
    target: str,
    out: Path,
    progress: Progress,
    recipes: Sequence[str] = RECIPES,
    counted: bool = True,
) -> HearableDemo:
    """Export the compressor in some of `RECIPES`, play the clip through each while knobs change, write all files.

    The kept recipe is among them. For `counted` and for errors see `play_builds`; `out` is a new or an empty folder.
    """
    pcm = split_into_hops(read_wav(CLIPS / "groove.wav", RATE).samples)
    knobs, dry = knob_values(len(pcm)), pcm.ravel()
    exact_db = gain_db(dry[None], knobs[:, 0, :, 0].T[None])[0].astype(np.float32)
    with complete_folder(out) as folder, tempfile.TemporaryDirectory() as scratch:
        clips = calibration_clips(Path(scratch) / "calibration")
        wet = dict[str, Float32]()

        def play(recipe: str, stream: Stream) -> tuple[Quality, Float64]:
            heard, hop_us = stream.timed_run({"pcm": pcm, "knobs": knobs})
            wet[recipe] = heard["out"].ravel()
            return quality_of(dry, wet[recipe], exact_db), hop_us

        forms = {recipe: (NETWORK, options(recipe, clips)) for recipe in recipes}
        rows, notes = play_builds(forms, KEPT, target, folder, play, progress, counted)
        shutil.copy(CLIPS / "groove.wav", folder / "dry.wav")
        write_wav(folder / "formula.wav", dry * 10 ** (exact_db / 20), RATE, "PCM_16")
        for recipe, sound in wet.items():
            write_wav(folder / f"{recipe}.wav", sound, RATE, "PCM_16")
        draw(folder / "compressor.png", dry, exact_db, wet)
    wavs = ("dry.wav", "formula.wav", *(f"{recipe}.wav" for recipe in recipes))
    said = (
        "the knobs are turned at " + ", ".join(f"{start:g} s" for start, _ in TURNS[1:]),
        f"'while compressing' counts the samples whose gain is -{WORKING_DB:g} dB or less by the formula",
        "integers are calibrated on two stretches of this clip, at other settings of the knobs",
        f"live: edgekit run {shlex.quote(f'{out}/{KEPT}')} --mic --set 'knobs=[-24, 4, 1, 30]'",
    )
    files = (*wavs, "compressor.png", f"{KEPT}/report.html")
    return HearableDemo("compressor", out, rows, files, (*said, *notes))


def draw(path: Path, dry: Float32, exact_db: Float32, wet: dict[str, Float32]) -> None:
    """Write a picture: the sound, and the gains of the formula and of the builds."""
    figure = new_figure(9, 5)
    above, below = figure.subplots(2, 1, sharex=True)
    seconds = np.arange(dry.size) / RATE
    above.plot(seconds, dry, linewidth=0.4)
    above.set_ylim(-1, 1.15)
    above.set_ylabel("dry")
    below.plot(seconds, exact_db, label="formula", color="black", linewidth=1.5)
    for recipe in dict.fromkeys((*list(wet)[:1], KEPT)):
        loud = np.abs(dry) > 20 * QUIET
        gain = np.where(loud, found_gain_db(dry, wet[recipe]), np.nan)
        below.plot(seconds, gain, label=recipe, linewidth=0.6)
    for start, (threshold, ratio, attack, release) in TURNS:
        below.axvline(start, color="grey", linewidth=0.8)
        text = f"{threshold:g} dB, {ratio:g}:1, {attack:g}/{release:g} ms"
        above.text(start + 0.03, 0.9, text, fontsize=8)
    below.set_ylabel("gain, dB")
    below.set_xlabel("seconds; lines: knobs are turned")
    below.legend(loc="lower left")
    figure.savefig(path)
