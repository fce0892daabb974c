"""`edgekit demo digits`: the bundled generator draws the same digits in float and in integers."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgekit.base.arrays import Float32, Int64
from edgekit.base.output import complete_folder
from edgekit.base.progress import Progress
from edgekit.demos.figures import new_figure
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.sampler import Sampler
from edgekit.verbs.export.entry_points import export
from edgekit.verbs.export.options import ExportOptions
from edgekit.verbs.export.request import read_request

HERE = Path(__file__).parent
NETWORK, SAMPLER = HERE / "digits.onnx", HERE / "digits.toml"
FEW_NETWORK, FEW_SAMPLER = HERE / "digits_few.onnx", HERE / "digits_few.toml"
W4A8_RECIPE = HERE / "digits_w4a8.toml"
RECIPES = {"float32": "float32", "w8a8": "w8a8", "w4a8": str(W4A8_RECIPE)}
DIGITS, SEED = 10, 7
RANGE = 2.0  # of values in an image
PICTURE = "digits.png"


@dataclass(frozen=True)
class Row:
    """The results of one build.

    Attributes:
        recipe: ``float32``, ``w8a8`` or ``w4a8``.
        psnr_db: median over the images, against the float build's from the same seeds; None for the float build.
        image_ms: median time of one image.
        calls: network calls of one image.
        manifest: the build's facts.
    """

    recipe: str
    psnr_db: float | None
    image_ms: float
    calls: int
    manifest: Manifest


@dataclass(frozen=True)
class DigitsDemo:
    """The results of the demo, and the files it wrote: names below `directory`."""

    directory: Path
    rows: tuple[Row, ...]
    files: tuple[str, ...]


def labels(images: int) -> dict[str, Int64]:
    """The classes of some images, in turn."""
    return {"label": (np.arange(images) % 10)[:, None]}


def show(
    target: str, out: Path, progress: Progress, recipes: Sequence[str] = tuple(RECIPES)
) -> DigitsDemo:
    """Export the generator in some of `RECIPES`, draw each digit with every build, write a picture of all.

    The others are compared with the first recipe.

    Raises:
        UsageError: `out` is not a new or empty folder, or the target is unknown.
        CheckFailed: an export failed its verification.
    """
    rows: list[Row] = []
    drawn: list[Float32] = []
    with complete_folder(out) as folder:
        for recipe in recipes:
            given = ExportOptions(recipe=RECIPES[recipe], sampler=SAMPLER)
            request = read_request(str(NETWORK), target, folder / recipe, given)
            manifest = export(request, _progress_of_recipe(recipe, progress)).manifest
            images, image_ms, calls = _draw(folder / recipe, recipe, progress)
            drawn.append(images)
            psnr = median_psnr_db(images, drawn[0]) if len(drawn) > 1 else None
            rows.append(Row(recipe, psnr, image_ms, calls, manifest))
        draw(folder / PICTURE, recipes, drawn)
    reports = (f"{recipe}/report.html" for recipe in recipes)
    return DigitsDemo(out, tuple(rows), (PICTURE, *reports))


def _draw(build: Path, recipe: str, progress: Progress) -> tuple[Float32, float, int]:
    """Each digit once: images, the median time of one in ms, and its network calls."""
    sampler = Sampler.open(build)
    images, times = [], []
    for digit in range(DIGITS):
        start = time.perf_counter()
        images.append(sampler.sample(1, SEED + digit, {"label": digit})[0])
        times.append(1000 * (time.perf_counter() - start))
        progress(f"{recipe}: sample", digit + 1, DIGITS)
    return np.stack(images), float(np.median(times)), sampler.table.rows * sampler.table.calls


def _progress_of_recipe(recipe: str, progress: Progress) -> Progress:
    return lambda stage, done, total: progress(f"{recipe}: {stage}", done, total)


def median_psnr_db(images: Float32, exact: Float32) -> float:
    """The PSNR of the median image, of values in [-1, 1]."""
    error = np.square(images.clip(-1, 1) - exact.clip(-1, 1)).reshape(len(images), -1).mean(1)
    return float(10 * np.log10(RANGE**2 / max(float(np.median(error)), 1e-12)))


def draw(path: Path, names: Sequence[str], drawn: Sequence[Float32]) -> None:
    """Write a picture with one line of digits for each build, and its name before it."""
    figure = new_figure(10, 1.05 * len(names), 120)
    for axis, name, images in zip(
        figure.subplots(len(names), 1, squeeze=False)[:, 0], names, drawn, strict=True
    ):
        axis.imshow(np.concatenate(list(images[:, 0]), axis=-1), cmap="gray", vmin=-1, vmax=1)
        axis.set_ylabel(name, rotation=0, ha="right", va="center")
        axis.set_xticks(())
        axis.set_yticks(())
    figure.savefig(path)
