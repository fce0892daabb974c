"""``edgekit demo deform``: the bundled detector as an engine, its boxes and its d drawn on the pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgekit.base.arrays import Float32, Int8
from edgekit.base.errors import Problem, UsageError
from edgekit.base.output import complete_folder
from edgekit.base.progress import Progress
from edgekit.demos.detections import average_precision, mean_average_precision
from edgekit.demos.shapes import CLASSES, HELD_OUT, SIZE, Picture, draw
from edgekit.runtime.build_folder.manifest import Manifest
from edgekit.runtime.pictures.boxes import Boxes, decode
from edgekit.runtime.stream import Stream
from edgekit.verbs.export.entry_points import export
from edgekit.verbs.export.options import ExportOptions
from edgekit.verbs.export.request import read_request
from edgekit.verbs.targets import TARGETS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from edgekit.fpga.engine import Engine

NETWORK = Path(__file__).with_name("deform.onnx")
CALIBRATION = "edgekit.demos.shapes:calibration"
DRAWN, COUNTED = 8, 100  # pictures that are drawn; pictures of the average precision
APART = 5  # pixels of the layer between those whose taps are drawn
FPGA = TARGETS["fpga"]
LEAST_SCORE = 0.3  # of a box that is drawn
COLOURS = ("#ee6677", "#ffffff", "#ccbb44")
Outputs = dict[str, Float32]


@dataclass(frozen=True)
class DeformDemo:
    """The results of the demo.

    Attributes:
        directory: its folder.
        engine_ap: AP and AP50 of the engine over held-out pictures.
        float_ap: the same of the float network.
        d_shares: the share of the drawn pictures with each d = 0, 1, ..., for each deformable layer.
        manifest: the engine's.
        files: in the folder.
    """

    directory: Path
    engine_ap: tuple[float, float]
    float_ap: tuple[float, float]
    d_shares: tuple[tuple[float, ...], ...]
    manifest: Manifest
    files: tuple[str, ...]


def show(target: str, out: Path, progress: Progress) -> DeformDemo:
    """Export the detector as a W4A8 engine, run held-out pictures through its C simulation, draw the findings.

    Raises:
        UsageError: `out` is not a new or empty folder, or the target is another one.
        CheckFailed: the export failed its verification, or a tool is missing.
    """
    from edgekit.export.hop_runner import run_hops
    from edgekit.fpga import engine as engines
    from edgekit.fpga.resources import PARTS
    from edgekit.fpga.spec import DMAX
    from edgekit.quantize.calibrate.clips import load_calibration
    from edgekit.verbs.export.importing import ImportOptions, load_model

    if target != FPGA.name:
        raise UsageError(
            Problem("demo 'deform'", f"target '{target}'", FPGA.name, "leave --target out")
        )
    pictures = [draw(HELD_OUT + i) for i in range(COUNTED)]
    with complete_folder(out) as folder:
        given = ExportOptions(calibration=CALIBRATION)
        request = read_request(str(NETWORK), FPGA.name, folder / "engine", given)
        manifest = export(request, progress).manifest
        model = load_model(str(NETWORK), ImportOptions()).model
        clips = load_calibration(CALIBRATION, model)
        part = PARTS[engines.DEFAULT_PART]
        engine = engines.make_engine(model, clips, FPGA.default_recipe, part, "fps")
        batch = {"x": np.stack([picture.image[None] for picture in pictures])}
        simulated = Stream.open(folder / "engine").run(batch)
        found, exact = (_boxes_of(outputs) for outputs in (simulated, run_hops(model, batch)))
        dilations = [_dilations(engine, picture) for picture in pictures[:DRAWN]]
        _draw(folder / "detections.png", pictures[:DRAWN], found, [d[-1] for d in dilations])
    scores = [
        (mean_average_precision(b, pictures), average_precision(b, pictures))
        for b in (found, exact)
    ]
    shares = tuple(_shares(layer, DMAX) for layer in zip(*dilations, strict=True))
    files = ("detections.png", "engine/report.html")
    return DeformDemo(out, scores[0], scores[1], shares, manifest, files)


def _boxes_of(outputs: Outputs) -> list[Boxes]:
    pictures = ({name: array[i] for name, array in outputs.items()} for i in range(COUNTED))
    return [decode(picture, (SIZE, SIZE)) for picture in pictures]


def _draw(path: Path, pictures: list[Picture], found: list[Boxes], dilations: list[Int8]) -> None:
    """Boxes in the upper row; below, d of the last deformable layer, and taps."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, len(pictures), figsize=(2 * len(pictures), 4.3))
    for column, picture in enumerate(pictures):
        image = np.clip(picture.image.transpose(1, 2, 0) / 2 + 0.5, 0, 1)
        for row, shown in zip(axes[:, column], (image, image.mean(axis=2)), strict=True):
            row.imshow(shown, cmap="gray", extent=(0, SIZE, SIZE, 0))
            row.set_axis_off()
        _boxes(axes[0, column], found[column])
        _taps(axes[1, column], dilations[column])
    for axis, name in zip(axes[:, 0], ("found", "where it looked"), strict=True):
        axis.text(-2, SIZE / 2, name, rotation=90, ha="right", va="center", fontsize=7)
    figure.tight_layout(pad=0.3)
    figure.savefig(path, dpi=160)
    pyplot.close(figure)


def _boxes(axes: "Axes", boxes: Boxes) -> None:
    from matplotlib.patches import Rectangle

    for box, label, score in zip(boxes.boxes, boxes.labels, boxes.scores, strict=True):
        if score < LEAST_SCORE:
            continue
        width, height = box[2] - box[0], box[3] - box[1]
        colour = COLOURS[label]
        axes.add_patch(Rectangle((box[0], box[1]), width, height, fill=False, ec=colour, lw=1.2))
        x, y = (float(np.clip(box[side], 0, SIZE)) for side in (0, 1))
        axes.text(
            x,
            y,
            f"{CLASSES[label]} {score:.2f}",
            color="black",
            fontsize=5.5,
            va="bottom" if y > SIZE / 8 else "top",
            ha="left" if x < 0.6 * SIZE else "center",
            bbox={"facecolor": colour, "edgecolor": "none", "pad": 0.6, "alpha": 0.85},
        )


def _dilations(engine: "Engine", picture: Picture) -> list[Int8]:
    """The dilations ``(height, width)`` of each deformable layer."""
    from edgekit.fpga import golden

    network = engine.network
    values = golden.run(network, golden.quantize(network, {"x": picture.image[None]}))
    return [values[layer.dilation][0] for layer in network.layers if layer.dilation is not None]


def _shares(dilations: Sequence[Int8], dmax: int) -> tuple[float, ...]:
    counts = np.bincount(np.stack(dilations).ravel(), minlength=dmax + 1)
    return tuple((counts / counts.sum()).tolist())


def _taps(axes: "Axes", d: Int8) -> None:
    """Draw d as a colour over the picture, and where the nine taps of some of its pixels read."""
    height, width = d.shape
    axes.imshow(d, cmap="plasma", vmin=0, vmax=7, alpha=0.5, extent=(0, SIZE, SIZE, 0))
    y, x = np.mgrid[2:height:APART, 2:width:APART]
    reach = d[y, x].astype(float)
    scale = SIZE / width
    for ky in (-1, 0, 1):
        for kx in (-1, 0, 1):
            rows, columns = (y + 0.5 + ky * reach) * scale, (x + 0.5 + kx * reach) * scale
            axes.scatter(columns, rows, c="white", s=1.5, linewidths=0)
    axes.set_xlim(0, SIZE)
    axes.set_ylim(SIZE, 0)
