"""`edgekit demo browser`: the denoiser, the compressor, target speech and digits as WebAssembly, in one static page."""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from edgekit.base.errors import Problem, UsageError
from edgekit.base.output import complete_folder
from edgekit.base.progress import Progress
from edgekit.base.wav import write_wav
from edgekit.demos import show_denoise, show_digits
from edgekit.demos.compressor import show as compressor
from edgekit.demos.hearable import export_demo
from edgekit.demos.target_speech import show as target_speech
from edgekit.demos.target_speech.head import RATE
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.stream import Stream
from edgekit.verbs.export.options import ExportOptions

TARGET = "wasm"
PAGE = ("index.html", "demo.css", "page.js", "digits.js", "target.js")
KNOBS = {"knobs": "-30:0:-24,1:5:4,1:40:2,1:40:30"}  # of the compressor: dB, ratio, ms, ms
Options = Callable[[Path, Path], ExportOptions]  # of a scratch folder, and of earlier output


@dataclass(frozen=True)
class PageNetwork:
    """A network of the page.

    Attributes:
        name: of its folder, and of its module.
        network: the file.
        options: of its export.
        clip: the sound that the page plays through it; None of one that draws, or whose sound is synthesised.
    """

    name: str
    network: Path
    options: Options
    clip: Path | None = None


def _denoiser(_scratch: Path, _page: Path) -> ExportOptions:
    calibration = str(show_denoise.CLIPS / "calibration")
    return ExportOptions(
        recipe="w8a8",
        calibration=calibration,
        sample_rate=16000,
        frontend="stft:512:128:sqrt_hann:logpow",
    )


def _compressor(scratch: Path, _page: Path) -> ExportOptions:
    clips = compressor.calibration_clips(scratch / "calibration")
    return {**compressor.options(compressor.KEPT, clips), "knobs": KNOBS}


def _digits(_scratch: Path, _page: Path) -> ExportOptions:
    return ExportOptions(recipe="w8a8", sampler=show_digits.SAMPLER)


def _enrollment(_scratch: Path, _page: Path) -> ExportOptions:
    return target_speech.enrollment_options()


def _extraction(scratch: Path, page: Path) -> ExportOptions:
    *looks, _ = target_speech.clips()
    watch = Stream.open(page / "enrollment")
    _, calibration = target_speech.enroll_talkers(watch, looks, scratch / "calibration")
    return target_speech.extraction_options(target_speech.KEPT, calibration)


NETWORKS = (
    PageNetwork("denoise", show_denoise.NETWORK, _denoiser, show_denoise.CLIPS / "noisy.wav"),
    PageNetwork("compressor", compressor.NETWORK, _compressor, compressor.CLIPS / "groove.wav"),
    PageNetwork("digits", show_digits.NETWORK, _digits),
    PageNetwork("enrollment", target_speech.ENROLLMENT, _enrollment),
    PageNetwork("target_speech", target_speech.EXTRACTION, _extraction),
)


@dataclass(frozen=True)
class BrowserDemo:
    """The written page.

    Attributes:
        directory: the folder, which any server of files may serve.
        manifests: of its networks, by name.
        files: names of the written files, below `directory`.
    """

    directory: Path
    manifests: dict[str, Manifest]
    files: tuple[str, ...]


def write_page(folder: Path) -> None:
    """Write the page and its clips next to the folders of its networks."""
    for clip in filter(None, (row.clip for row in NETWORKS)):
        shutil.copy(clip, folder / clip.name)
    for name, heard in zip(("look-1", "look-2", "scene"), target_speech.clips(), strict=True):
        write_wav(folder / f"{name}.wav", heard.mixed, RATE, "PCM_16")
    for name in PAGE:
        with as_file(files("edgekit.demos.browser") / "page" / name) as path:
            shutil.copy(path, folder / name)


def show(target: str, out: Path, progress: Progress) -> BrowserDemo:
    """Export the networks for WebAssembly and write the page with them.

    Raises:
        UsageError: `out` is not a new or empty folder, or the target is another one.
        CheckFailed: an export failed its verification.
    """
    if target != TARGET:
        found, allowed = f"target '{target}'", f"--target {TARGET}"
        raise UsageError(Problem("demo browser", found, allowed, "leave it out"))
    manifests = {}
    with complete_folder(out) as folder, tempfile.TemporaryDirectory() as scratch:
        for row in NETWORKS:
            own = Path(scratch) / row.name
            own.mkdir()
            build = folder / row.name
            manifests[row.name] = export_demo(
                row.network, target, build, row.options(own, folder), progress
            )
        write_page(folder)
    return BrowserDemo(
        out, manifests, (*PAGE, *(f"{row.name}/{row.name}.wasm" for row in NETWORKS))
    )
