"""`edgekit demo denoise`: the bundled network, float and integer, on a noisy clip, hop by hop."""

import shlex
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgekit.base.output import complete_folder
from edgekit.base.wav import Clip, Samples, read_wav, write_wav
from edgekit.export.frontend.spec import FrontendSpec
from edgekit.runtime.audio.files import timed_run_samples
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.stream import Stream
from edgekit.verbs.doctor import require
from edgekit.verbs.export.importing import ImportOptions
from edgekit.verbs.export.options import ExportOptions
from edgekit.verbs.export.pipeline import export
from edgekit.verbs.export.request import read_request
from edgekit.verbs.export.speech_quality import si_sdr_db as si_sdr_db
from edgekit.verbs.export.work import Progress

HERE = Path(__file__).parent
NETWORK = HERE / "denoise.onnx"
CLIPS = HERE / "clips"
OPTIONS = ImportOptions(
    sample_rate=16000, frontend=FrontendSpec(512, 128, "logpow", "sqrt_hann", plain=False)
)
RECIPES = ("float32", "w8a8")
KEPT = "w8a8"
BUNDLED = HERE / "denoise_w8a8.zip"  # what `edgekit.demos.pack_denoise` makes


@dataclass(frozen=True)
class Row:
    """How one build did on the clip.

    Attributes:
        recipe: ``float32`` or ``w8a8``.
        si_sdr_in_db: of the noisy clip against the clean one.
        si_sdr_out_db: of the build's output.
        median_us: time per hop.
        p99_us: time per hop that 99 of 100 hops keep.
        manifest: the build's facts.
    """

    recipe: str
    si_sdr_in_db: float
    si_sdr_out_db: float
    median_us: float
    p99_us: float
    manifest: Manifest

    @property
    def gain_db(self) -> float:
        """What the network improved."""
        return self.si_sdr_out_db - self.si_sdr_in_db


@dataclass(frozen=True)
class DenoiseDemo:
    """What the demo measured, and the files it wrote: names below `directory`.

    Attributes:
        directory: the folder.
        rows: one for each build.
        files: what was written.
        notes: what is to be said below the table.
    """

    directory: Path
    rows: tuple[Row, ...]
    files: tuple[str, ...]
    notes: tuple[str, ...] = ()


def show(target: str, out: Path, progress: Progress) -> DenoiseDemo:
    """Export the denoiser as float32 and w8a8, stream the noisy clip through both, write all files.

    Raises:
        UsageError: `out` is not a new or empty folder, or the target is unknown.
        CheckFailed: an export failed its verification.
    """
    noisy = read_wav(CLIPS / "noisy.wav", OPTIONS.sample_rate)
    clean = read_wav(CLIPS / "clean.wav", OPTIONS.sample_rate)
    with complete_folder(out) as folder, tempfile.TemporaryDirectory() as scratch:
        rows: list[Row] = []
        heard: dict[str, Samples] = {}
        for recipe in RECIPES:
            build = (folder if recipe == KEPT else Path(scratch)) / recipe
            rows.append(_try(recipe, target, build, noisy, clean, heard, progress))
        shutil.copy(CLIPS / "noisy.wav", folder / "noisy.wav")
        for recipe, samples in heard.items():
            write_wav(folder / f"{recipe}.wav", samples, noisy.sample_rate_hz, noisy.subtype)
        draw(folder / "spectrogram.png", noisy.samples, heard[KEPT], noisy.sample_rate_hz)
    wavs = ("noisy.wav", *(f"{recipe}.wav" for recipe in RECIPES))
    files = (*wavs, "spectrogram.png", f"{KEPT}/report.html")
    return DenoiseDemo(out, tuple(rows), files, (live(out),))


def show_bundled(out: Path, progress: Progress, missing: Sequence[str]) -> DenoiseDemo:
    """Stream the noisy clip through the w8a8 build that comes with EdgeKit: needs numpy and a C compiler alone.

    Args:
        out: the folder to make.
        progress: told of the stream.
        missing: packages that the whole demo would need, for the note.

    Raises:
        UsageError: `out` is not a new or empty folder.
        ToolError: no C compiler.
    """
    require(["cc"])
    noisy = read_wav(CLIPS / "noisy.wav")
    with complete_folder(out) as folder:
        with zipfile.ZipFile(BUNDLED) as archive:
            archive.extractall(folder / KEPT)
        heard, row = _streamed(KEPT, folder / KEPT, noisy, read_wav(CLIPS / "clean.wav"), progress)
        shutil.copy(CLIPS / "noisy.wav", folder / "noisy.wav")
        write_wav(folder / f"{KEPT}.wav", heard, noisy.sample_rate_hz, noisy.subtype)
    note = (
        f"this build came with EdgeKit; {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed. "
        "To export it here, in float32, too, and draw its spectrogram: pip install 'edgekit[demo]'"
    )
    files = ("noisy.wav", f"{KEPT}.wav", f"{KEPT}/report.html")
    return DenoiseDemo(out, (row,), files, (note, live(out)))


def live(out: Path) -> str:
    """How the kept build is heard on a microphone."""
    return f"live: edgekit run {shlex.quote(f'{out}/{KEPT}')} --mic"


def _try(
    recipe: str,
    target: str,
    build: Path,
    noisy: Clip,
    clean: Clip,
    heard: dict[str, Samples],
    progress: Progress,
) -> Row:
    given = ExportOptions(
        recipe=recipe,
        calibration=str(CLIPS / "calibration"),
        sample_rate=OPTIONS.sample_rate,
        frontend=str(OPTIONS.frontend),
    )
    request = read_request(str(NETWORK), target, build, given)
    export(request, _named(recipe, progress))
    heard[recipe], row = _streamed(recipe, build, noisy, clean, progress)
    return row


def _streamed(
    recipe: str, build: Path, noisy: Clip, clean: Clip, progress: Progress
) -> tuple[Samples, Row]:
    """What a build makes of the noisy clip, and how it did."""
    stream = Stream.open(build)
    heard, times_us = timed_run_samples(stream, noisy.samples, _stage(recipe, progress))
    return heard, Row(
        recipe,
        si_sdr_db(noisy.samples, clean.samples),
        si_sdr_db(heard, clean.samples),
        float(np.median(times_us)),
        float(np.percentile(times_us, 99)),
        Manifest.load(build),
    )


def _named(recipe: str, progress: Progress) -> Progress:
    return lambda stage, done, total: progress(f"{recipe}: {stage}", done, total)


def _stage(recipe: str, progress: Progress) -> Callable[[int, int], None]:
    return lambda done, total: progress(f"{recipe}: stream", done, total)


def draw(
    path: Path, before: Samples, after: Samples, sample_rate_hz: int, recipe: str = KEPT
) -> None:
    """Write a picture of two spectrograms, one above the other, on one scale of 80 dB."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    levels = [spectrogram_db(samples) for samples in (before, after)]
    top = float(max(level.max() for level in levels))
    figure = Figure(figsize=(9, 5), dpi=80, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, 1, sharex=True)
    extent = (0.0, len(before) / sample_rate_hz, 0.0, sample_rate_hz / 2000)
    images = []
    for axis, level, title in zip(axes, levels, ("before", f"after ({recipe})"), strict=True):
        image = axis.imshow(
            level.T,
            origin="lower",
            aspect="auto",
            extent=extent,
            cmap="magma",
            vmin=top - 80,
            vmax=top,
        )
        images.append(image)
        axis.set_title(title, loc="left")
        axis.set_ylabel("kHz")
    axes[1].set_xlabel("seconds")
    figure.colorbar(images[0], ax=axes, label="dB")
    figure.savefig(path)


def spectrogram_db(samples: Samples, n_fft: int = 512, hop: int = 128) -> NDArray[np.float64]:
    """Return (frames, n_fft / 2 + 1) levels in dB, Hann window."""
    padded = np.pad(samples.astype(np.float64), (0, n_fft))
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop]
    power = np.abs(np.fft.rfft(frames * np.hanning(n_fft))) ** 2
    return np.asarray(10 * np.log10(power + 1e-10))
