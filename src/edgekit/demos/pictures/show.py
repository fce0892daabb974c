"""`edgekit demo rddm` and its relatives: a small picture system in float and in integers, and a strip of pictures."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgekit.base.arrays import Float32
from edgekit.base.output import complete_folder
from edgekit.base.progress import Progress
from edgekit.demos.figures import new_figure
from edgekit.demos.hearable import export_demo
from edgekit.demos.pictures.data import bundled_digits
from edgekit.demos.pictures.generators import Anagrams, Codes, Search
from edgekit.demos.pictures.systems import (
    Blind,
    Dark,
    MeasuredBlocks,
    PictureSystem,
    Quality,
    Restoration,
    Streaks,
)
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.verbs.export.options import ExportOptions

RECIPES = ("float32", "w8a8")
COLUMNS = 8  # of the strip
SYSTEMS: Mapping[str, type[PictureSystem]] = {
    "rddm": Streaks,
    "idm": MeasuredBlocks,
    "c-bsn": Restoration,
    "noise2score": Restoration,
    "bf-cnn": Blind,
    "low-light": Dark,
    "diffusevae": Codes,
    "search": Search,
    "anagrams": Anagrams,
}


@dataclass(frozen=True)
class Row:
    """The results of one build.

    Attributes:
        recipe: of its numbers.
        quality: its measures.
        picture_ms: median time of one picture.
        manifest: the build's facts.
    """

    recipe: str
    quality: Quality
    picture_ms: float
    manifest: Manifest


@dataclass(frozen=True)
class PicturesDemo:
    """The results of a demo, and the files it wrote: names below `directory`."""

    name: str
    directory: Path
    rows: tuple[Row, ...]
    files: tuple[str, ...]


def show(
    name: str,
    target: str,
    out: Path,
    progress: Progress,
    clean: Float32 | None = None,
    recipes: Sequence[str] = RECIPES,
) -> PicturesDemo:
    """Export a system of `SYSTEMS` with some recipes, run it on pictures, write a strip of them.

    Args:
        name: of the system.
        target: of the builds.
        out: a new or an empty folder.
        progress: of all.
        clean: pictures of digits (n, 1, 28, 28) in [-1, 1] in place of the bundled ones.
        recipes: of the builds, the float one first.

    Raises:
        UsageError: `out` is not a new or empty folder, or the target is unknown.
        CheckFailed: an export failed its verification.
    """
    bundled, calibrated = bundled_digits()
    system = SYSTEMS[name](name, bundled if clean is None else clean, calibrated)
    rows, found = list[Row](), dict[str, Float32]()
    with complete_folder(out) as folder, tempfile.TemporaryDirectory() as scratch:
        given = system.options(Path(scratch))
        for recipe in recipes:
            options: ExportOptions = {**given, "recipe": recipe}
            manifest = export_demo(system.network, target, folder / recipe, options, progress)
            pictures, picture_ms = system.run(folder / recipe)
            found |= system.views(recipe, pictures)
            rows.append(Row(recipe, system.measures(pictures), picture_ms, manifest))
        parts = {system.before_name: system.before, **found, "target": system.target}
        draw_strip(folder / f"{name}.png", {k: v for k, v in parts.items() if v is not None})
    reports = (f"{recipe}/report.html" for recipe in recipes)
    return PicturesDemo(name, out, tuple(rows), (f"{name}.png", *reports))


def draw_strip(path: Path, parts: Mapping[str, Float32]) -> None:
    """Write a picture with a line for each part, its name at the left; values are in [-1, 1]."""
    columns = min(COLUMNS, *map(len, parts.values()))
    figure = new_figure(1.1 + 0.86 * columns, 0.94 * len(parts), 110)
    lines = figure.subplots(len(parts), 1, squeeze=False)[:, 0]
    for axis, (name, pictures) in zip(lines, parts.items(), strict=True):
        line = np.concatenate([color_or_grey(picture) for picture in pictures[:columns]], axis=1)
        axis.imshow(line, cmap="gray", vmin=0, vmax=1)
        axis.set_ylabel(name, rotation=0, ha="right", va="center")
        axis.set_xticks(())
        axis.set_yticks(())
    figure.savefig(path, bbox_inches="tight")


def color_or_grey(picture: Float32) -> Float32:
    """Return a picture (channels, height, width) for the eye: grey, or packed raw colours as a colour, with a gamma."""
    light = np.clip((picture + 1) / 2, 0, 1)
    if len(light) == 1:
        return np.asarray(light[0], np.float32)
    red, green, blue = light[0], (light[1] + light[2]) / 2, light[3]
    return np.asarray(np.stack([red, green, blue], axis=-1) ** (1 / 2.2), np.float32)
