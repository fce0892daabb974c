"""The common part of the audio demos: builds of a network, their rows, and instructions on a microcontroller."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgekit.base.arrays import Float64
from edgekit.base.errors import CheckFailed, VerificationError
from edgekit.base.progress import Progress
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.stream import Stream
from edgekit.verbs.export.entry_points import export
from edgekit.verbs.export.options import ExportOptions
from edgekit.verbs.export.request import read_request

Quality = Mapping[
    str, float | None
]  # the measures of a build, name with unit -> value; None where there is none
COUNTED_HOPS, COUNTED_MACS = 20, 50_000_000  # together at most; an emulator is slow
CORE = "cortex-m55"


@dataclass(frozen=True)
class Row:
    """The results of one build.

    Attributes:
        recipe: the build's name, as a rule the recipe of its numbers.
        quality: its measure of quality.
        median_us: time per hop on this machine.
        p99_us: time per hop that 99 of 100 hops keep.
        manifest: the build's facts.
        portable_memory: `memory` of its manifest as portable C (target c99), which no machine changes.
        m55_instructions_per_s: of a second of sound on an emulated Cortex-M55; None where that was not counted.
    """

    recipe: str
    quality: Quality
    median_us: float
    p99_us: float
    manifest: Manifest
    portable_memory: Mapping[str, int | None]
    m55_instructions_per_s: int | None


@dataclass(frozen=True)
class HearableDemo:
    """The results of a demo, and the files it wrote: names below `directory`.

    Attributes:
        name: of the demo.
        directory: the folder.
        rows: one for each build.
        files: their names.
        notes: lines below the table.
    """

    name: str
    directory: Path
    rows: tuple[Row, ...]
    files: tuple[str, ...]
    notes: tuple[str, ...]


def export_demo(
    network: Path, target: str, build: Path, given: ExportOptions, progress: Progress
) -> Manifest:
    """Export a network of a demo, and say which recipe is at work."""
    recipe = _recipe(given)

    def named(stage: str, done: int, total: int) -> None:
        progress(f"{recipe}: {stage}", done, total)

    return export(read_request(str(network), target, build, given), named).manifest


def play_builds(
    forms: Mapping[str, tuple[Path, ExportOptions]],
    kept: str,
    target: str,
    folder: Path,
    play: Callable[[str, Stream], tuple[Quality, Float64]],
    progress: Progress,
    counted: bool,
) -> tuple[tuple[Row, ...], tuple[str, ...]]:
    """Export networks, play through each, and count instructions where `counted`; return their rows, and notes.

    Args:
        forms: the network of each build, and its export options, by the build's name.
        kept: the build that stays, in `folder`.
        target: of all.
        folder: of the demo.
        play: returns the measures of the build with a name, and the time of each hop in microseconds.
        progress: of all.
        counted: whether an emulated core counts instructions.

    Raises:
        UsageError: the target is unknown.
        CheckFailed: an export failed its verification.
    """
    rows, notes = list[Row](), dict[str, None]()
    with tempfile.TemporaryDirectory() as scratch:
        for name, (network, given) in forms.items():
            build = (folder if name == kept else Path(scratch)) / name.replace(" ", "-")
            manifest = export_demo(network, target, build, given, progress)
            quality, hop_us = play(name, Stream.open(build))
            count, note = instructions(build, progress) if counted else (None, None)
            memory = portable_memory(build)
            rows.append(row_of(name, quality, hop_us, manifest, memory, count))
            if note:
                notes[note] = None
    return tuple(rows), tuple(notes)


def portable_memory(build: Path) -> Mapping[str, int | None]:
    """Sizes of a build's network as portable C: weights are packed there as no instruction set wants them."""
    from edgekit.graph.model import Model
    from edgekit.verbs.targets import TARGETS

    model = Model.from_bytes((build / "model.onnx").read_bytes())
    return TARGETS["c99"].lower(model, "portable").manifest.memory


def row_of(
    name: str,
    quality: Quality,
    hop_us: Float64,
    manifest: Manifest,
    memory: Mapping[str, int | None],
    count: int | None,
) -> Row:
    """The row of a build whose hops took these microseconds."""
    return Row(
        name,
        quality,
        float(np.median(hop_us)),
        float(np.percentile(hop_us, 99)),
        manifest,
        memory,
        count,
    )


def instructions(build: Path, progress: Progress) -> tuple[int | None, str | None]:
    """Return instructions of a second of sound on an emulated Cortex-M55, or the reason why they are missing."""
    from edgekit.verbs.bench.other_core import replay_on_core

    manifest = Manifest.load(build)
    recipe, stream = build.name, manifest.stream
    progress(f"{recipe}: {CORE}", 0, 1)
    hops = min(COUNTED_HOPS, max(1, COUNTED_MACS // max(manifest.macs_per_hop, 1)))
    try:
        counted = replay_on_core(CORE, build, hops).to_dict()["instructions_per_hop"]
    except VerificationError:
        raise
    except CheckFailed as error:  # a tool is missing, or the network is too large
        why = str(error).splitlines()[0]
        return None, f"no instructions of {recipe} on a {CORE}: {why}"
    return round(counted * stream["sample_rate_hz"] / stream["hop_samples"]), None


def _recipe(given: ExportOptions) -> str:
    return Path(given.get("recipe") or "float32").stem
