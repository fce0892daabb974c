"""`edgekit demo stream-diffusion`: a noisy clip through the diffusion buffer, one call a frame, at several delays."""

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
from edgekit.base.wav import Samples, read_wav, write_wav
from edgekit.demos.hearable import HearableDemo, Quality, play_builds
from edgekit.demos.show_denoise import CLIPS, draw
from edgekit.demos.stream_diffusion.facts import BUFFER, DELAY, FRONTEND, HOP, N_FFT, RATE
from edgekit.judge.speech_quality import si_sdr_db
from edgekit.runtime.stream import Stream
from edgekit.verbs.export.options import ExportOptions

HERE = Path(__file__).parent
NETWORK = HERE / "stream_diffusion.onnx"
RECIPES = {"float32": "float32", "mixed": str(HERE / "mixed.toml")}
KEPT = "mixed"
DELAYS = (0, DELAY, BUFFER - 1)  # frames
LATE = N_FFT - HOP  # samples, without a delay
SEED = 7
CALIBRATION_HOPS = 150  # of each clip
LEVELS = (1.0, 0.05)


def options(recipe: str, calibration: Path) -> ExportOptions:
    """Return the export options of the network."""
    return ExportOptions(
        recipe=RECIPES.get(recipe, recipe),
        calibration=str(calibration),
        sample_rate=RATE,
        frontend={"noisy": FRONTEND},
        noise={"z": "normal"},
        controls=["delay"],
    )


def split_into_hops(sound: Samples) -> Float32:
    """Samples as hops (hops, 1, 1, 128), its rest left out."""
    return np.asarray(sound[: sound.size // HOP * HOP].reshape(-1, 1, 1, HOP), np.float32)


def constant_delay(delay: int, hops: int) -> Float32:
    """The delay in each hop."""
    return np.full((hops, 1, 1, 1, 1), float(delay), np.float32)


def calibration_clips(folder: Path) -> Path:
    """Write the calibration clips of the integers: the denoiser's clips, as they are and softer."""
    folder.mkdir()
    for number, path in enumerate(sorted((CLIPS / "calibration").glob("*.wav"))):
        sound = split_into_hops(read_wav(path, RATE).samples)[:CALIBRATION_HOPS]
        given = {"noisy": sound * np.float32(LEVELS[number % len(LEVELS)])}
        write_npz(folder / f"{number}.npz", given | {"delay": constant_delay(DELAY, len(sound))})
    return folder


def enhance(stream: Stream, noisy: Samples, delay: int) -> tuple[Samples, Float64]:
    """A recording ``delay`` frames late, in time with it, and the time of each hop in microseconds."""
    stream.reset(SEED)
    late = LATE + delay * HOP
    hops = split_into_hops(np.concatenate([noisy, np.zeros(late + HOP, np.float32)]))
    said, hop_us = stream.timed_run({"noisy": hops, "delay": constant_delay(delay, len(hops))})
    return said["enhanced"].ravel()[late : late + noisy.size], hop_us


def show(
    target: str,
    out: Path,
    progress: Progress,
    recipes: Sequence[str] = tuple(RECIPES),
    counted: bool = True,
) -> HearableDemo:
    """Export the network in some of `RECIPES`, stream the noisy clip through each at all `DELAYS`, write all files.

    The kept recipe is among them. For `counted` and for errors see `play_builds`; `out` is a new or an empty folder.
    """
    noisy = read_wav(CLIPS / "noisy.wav", RATE)
    clean = read_wav(CLIPS / "clean.wav", RATE).samples
    before = si_sdr_db(noisy.samples, clean)
    with complete_folder(out) as folder, tempfile.TemporaryDirectory() as scratch:
        clips = calibration_clips(Path(scratch) / "calibration")
        files = ["noisy.wav"]

        def play(recipe: str, stream: Stream) -> tuple[Quality, Float64]:
            quality, times = dict[str, float | None](), []
            for delay in DELAYS:
                said, hop_us = enhance(stream, noisy.samples, delay)
                latency_ms = 1000 * (LATE + HOP + delay * HOP) / RATE
                quality[f"SI-SDR gain {latency_ms:g} ms late, dB"] = si_sdr_db(said, clean) - before
                times.append(hop_us)
                if recipe == KEPT:
                    files.append(f"{latency_ms:g}-ms-late.wav")
                    write_wav(folder / files[-1], said, RATE, noisy.subtype)
                    if delay == DELAY:
                        picture = folder / "stream-diffusion.png"
                        draw(picture, noisy.samples, said, RATE, recipe)
            return quality, np.concatenate(times)

        forms = {recipe: (NETWORK, options(recipe, clips)) for recipe in recipes}
        rows, notes = play_builds(forms, KEPT, target, folder, play, progress, counted)
        shutil.copy(CLIPS / "noisy.wav", folder / "noisy.wav")
    turned = f"--set delay={DELAY} --seed 1"
    said = (
        f"the delay is a knob: edgekit run {out}/{KEPT} noisy.wav out.wav {turned}",
        f"live: edgekit run {shlex.quote(f'{out}/{KEPT}')} --mic {turned}",
    )
    named = (*files, "stream-diffusion.png", f"{KEPT}/report.html")
    return HearableDemo("stream-diffusion", out, rows, named, (*said, *notes))
