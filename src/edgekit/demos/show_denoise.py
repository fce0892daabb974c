"""`edgekit demo denoise`: the bundled network, float and integer, on a noisy clip, hop by hop."""

import shlex
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path

from edgekit.base.arrays import Float64
from edgekit.base.installation import install_extra
from edgekit.base.output import complete_folder
from edgekit.base.progress import Progress
from edgekit.base.wav import Clip, Samples, read_wav, write_wav
from edgekit.demos.clip_folder import CLIPS as CLIPS
from edgekit.demos.figures import draw_spectrogram, new_figure, spectrogram_db
from edgekit.demos.hearable import HearableDemo, Quality, play_builds, row_of
from edgekit.export.frontend.spec import FrontendSpec
from edgekit.judge.speech_quality import si_sdr_db as si_sdr_db
from edgekit.runtime.audio.files import timed_run_samples
from edgekit.runtime.stream import Stream
from edgekit.verbs.doctor import require
from edgekit.verbs.export.import_options import ImportOptions
from edgekit.verbs.export.options import ExportOptions

HERE = Path(__file__).parent
NETWORK = HERE / "denoise.onnx"
RATE = 16_000
OPTIONS = ImportOptions(
    sample_rate=RATE, frontend=FrontendSpec(512, 128, "logpow", "sqrt_hann", plain=False)
)
RECIPES = ("float32", "w8a8")
KEPT = "w8a8"
BUNDLED = HERE / "denoise_w8a8.zip"  # the output of `edgekit.demos.pack_denoise`


def show(target: str, out: Path, progress: Progress, counted: bool = True) -> HearableDemo:
    """Export the denoiser as float32 and w8a8, stream the noisy clip through both, write all files.

    With `counted` an emulated core counts instructions.

    Raises:
        UsageError: `out` is not a new or empty folder, or the target is unknown.
        CheckFailed: an export failed its verification.
    """
    noisy, clean = (read_wav(CLIPS / f"{name}.wav", RATE) for name in ("noisy", "clean"))
    with complete_folder(out) as folder:
        heard = dict[str, Samples]()

        def play(recipe: str, stream: Stream) -> tuple[Quality, Float64]:
            heard[recipe], quality, hop_us = denoise_and_score(
                recipe, stream, noisy, clean, progress
            )
            return quality, hop_us

        forms = {recipe: (NETWORK, options(recipe)) for recipe in RECIPES}
        rows, notes = play_builds(forms, KEPT, target, folder, play, progress, counted)
        shutil.copy(CLIPS / "noisy.wav", folder / "noisy.wav")
        for recipe, samples in heard.items():
            write_wav(folder / f"{recipe}.wav", samples, noisy.sample_rate_hz, noisy.subtype)
        draw(folder / "spectrogram.png", noisy.samples, heard[KEPT], noisy.sample_rate_hz)
    wavs = ("noisy.wav", *(f"{recipe}.wav" for recipe in RECIPES))
    files = (*wavs, "spectrogram.png", f"{KEPT}/report.html")
    return HearableDemo("denoise", out, rows, files, (*notes, live(out)))


def show_bundled(out: Path, progress: Progress, missing: Sequence[str]) -> HearableDemo:
    """Stream the noisy clip through the w8a8 build that comes with EdgeKit: needs numpy and a C compiler alone.

    Args:
        out: the folder to make.
        progress: gets the stage and the hops done.
        missing: packages that the whole demo would need, for the note.

    Raises:
        UsageError: `out` is not a new or empty folder.
        ToolError: no C compiler.
    """
    require(["cc"])
    noisy, clean = (read_wav(CLIPS / f"{name}.wav") for name in ("noisy", "clean"))
    with complete_folder(out) as folder:
        with zipfile.ZipFile(BUNDLED) as archive:
            archive.extractall(folder / KEPT)
        stream = Stream.open(folder / KEPT)
        heard, quality, hop_us = denoise_and_score(KEPT, stream, noisy, clean, progress)
        shutil.copy(CLIPS / "noisy.wav", folder / "noisy.wav")
        write_wav(folder / f"{KEPT}.wav", heard, noisy.sample_rate_hz, noisy.subtype)
    note = (
        f"this build came with EdgeKit; {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed. "
        f"To export it here, in float32, too, and draw its spectrogram: {install_extra('demo')}"
    )
    files = ("noisy.wav", f"{KEPT}.wav", f"{KEPT}/report.html")
    manifest = stream.manifest  # of target c99, as `pack_denoise` exports it
    row = row_of(KEPT, quality, hop_us, manifest, manifest.memory, None)
    return HearableDemo("denoise", out, (row,), files, (note, live(out)))


def live(out: Path) -> str:
    """Return the command that runs the kept build on a microphone."""
    return f"live: edgekit run {shlex.quote(f'{out}/{KEPT}')} --mic"


def options(recipe: str) -> ExportOptions:
    """Return the export options of the network."""
    return ExportOptions(
        recipe=recipe,
        calibration=str(CLIPS / "calibration"),
        sample_rate=RATE,
        frontend=str(OPTIONS.frontend),
    )


def denoise_and_score(
    recipe: str, stream: Stream, noisy: Clip, clean: Clip, progress: Progress
) -> tuple[Samples, Quality, Float64]:
    """Return a build's output for the noisy clip, its quality, and the microseconds of each hop."""

    def told(done: int, total: int) -> None:
        progress(f"{recipe}: stream", done, total)

    heard, hop_us = timed_run_samples(stream, noisy.samples, told)
    before, after = (si_sdr_db(sound, clean.samples) for sound in (noisy.samples, heard))
    quality = {"SI-SDR of the noisy clip, dB": before, "SI-SDR, dB": after}
    return heard, {**quality, "gain, dB": after - before}, hop_us


def draw(
    path: Path, before: Samples, after: Samples, sample_rate_hz: int, recipe: str = KEPT
) -> None:
    """Write a picture of two spectrograms, one above the other, on one scale of 80 dB."""
    top = max(float(spectrogram_db(samples).max()) for samples in (before, after))
    figure = new_figure(9, 5)
    axes = figure.subplots(2, 1, sharex=True)
    for axis, title in zip(axes, ("before", f"after ({recipe})"), strict=True):
        axis.set_title(title, loc="left")
        axis.set_ylabel("kHz")
    draw_spectrogram(axes[0], before, sample_rate_hz, top)
    image = draw_spectrogram(axes[1], after, sample_rate_hz, top)
    axes[1].set_xlabel("seconds")
    figure.colorbar(image, ax=axes, label="dB")
    figure.savefig(path)
