"""``edgekit demo deform``: the bundled detector as an engine, its boxes and its d drawn on the pictures."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgekit.demos.detections import Boxes, average_precision, decode, mean_average_precision
from edgekit.demos.shapes import CLASSES, HELD_OUT, SIZE, Picture, draw
from edgekit.errors import Problem, UsageError
from edgekit.folder import complete_folder
from edgekit.pipeline import FPGA, Progress, Request, export
from edgekit.runtime.manifest import Manifest
from edgekit.runtime.stream import Stream

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from edgekit.fpga.engine import Engine

NETWORK = Path(__file__).with_name("deform.onnx")
CALIBRATION = "edgekit.demos.shapes:calibration"
DRAWN, COUNTED = 8, 100  # pictures that are drawn; pictures of the average precision
LEAST_SCORE = 0.3  # of a box that is drawn
COLOURS = ("#ee6677", "#ffffff", "#ccbb44")
Outputs = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class DeformDemo:
    """What the demo made: AP and AP50 of the engine and of the float network over held-out pictures, and files."""

    directory: Path
    engine_ap: tuple[float, float]
    float_ap: tuple[float, float]
    manifest: Manifest
    files: tuple[str, ...]


def show(target: str, out: Path, progress: Progress) -> DeformDemo:
    """Export the detector as a W4A8 engine, run held-out pictures through its C simulation, draw what it finds.

    Raises:
        UsageError: `out` is not a new or empty folder, or the target is another one.
        CheckFailed: the export failed its verification, or a tool is missing.
    """
    from edgekit.export.verify import run_hops
    from edgekit.fpga import engine as engines
    from edgekit.fpga.resources import PARTS
    from edgekit.quantize.calibrate import load_calibration
    from edgekit.source import ImportOptions, load_model

    if target != FPGA:
        raise UsageError(Problem("demo 'deform'", f"target '{target}'", FPGA, "leave --target out"))
    pictures = [draw(HELD_OUT + i) for i in range(COUNTED)]
    with complete_folder(out) as folder:
        request = Request(str(NETWORK), FPGA, folder / "engine", calibration=CALIBRATION)
        manifest = export(request, progress).manifest
        model = load_model(str(NETWORK), ImportOptions()).model
        clips = load_calibration(CALIBRATION, model)
        part = PARTS[engines.DEFAULT_PART]
        engine = engines.make_engine(model, clips, engines.DEFAULT_RECIPE, part, "fps")
        batch = {"x": np.stack([picture.image[None] for picture in pictures])}
        simulated = Stream.open(folder / "engine").run(batch)
        found, exact = (_boxes_of(outputs) for outputs in (simulated, run_hops(model, batch)))
        _draw(folder / "detections.png", engine, pictures[:DRAWN], found)
    scores = [
        (mean_average_precision(b, pictures), average_precision(b, pictures))
        for b in (found, exact)
    ]
    return DeformDemo(out, scores[0], scores[1], manifest, ("detections.png", "engine/report.html"))


def _boxes_of(outputs: Outputs) -> list[Boxes]:
    return [decode({name: array[i] for name, array in outputs.items()}) for i in range(COUNTED)]


def _draw(path: Path, engine: "Engine", pictures: list[Picture], found: list[Boxes]) -> None:
    """Boxes in the upper row; below, the taps of the last deformable layer at every other pixel of it."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, len(pictures), figsize=(2 * len(pictures), 4.3))
    for column, picture in enumerate(pictures):
        image = np.clip(picture.image.transpose(1, 2, 0) / 2 + 0.5, 0, 1)
        for row in axes[:, column]:
            row.imshow(image, extent=(0, SIZE, SIZE, 0))
            row.set_axis_off()
        _boxes(axes[0, column], found[column])
        _taps(axes[1, column], _dilations(engine, picture))
    figure.tight_layout(pad=0.3)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _boxes(axes: "Axes", boxes: Boxes) -> None:
    from matplotlib.patches import Rectangle

    for box, label, score in zip(boxes.boxes, boxes.labels, boxes.scores, strict=True):
        if score < LEAST_SCORE:
            continue
        width, height = box[2] - box[0], box[3] - box[1]
        colour = COLOURS[label]
        axes.add_patch(Rectangle((box[0], box[1]), width, height, fill=False, ec=colour, lw=1.2))
        axes.text(box[0], box[1] - 1, f"{CLASSES[label]} {score:.2f}", color=colour, fontsize=5)


def _dilations(engine: "Engine", picture: Picture) -> NDArray[np.int8]:
    """The dilations ``(height, width)`` of the last deformable layer."""
    from edgekit.fpga import golden

    network = engine.network
    values = golden.run(network, golden.quantize(network, {"x": picture.image[None]}))
    last = [layer.dilation for layer in network.layers if layer.dilation is not None][-1]
    dilations: NDArray[np.int8] = values[last][0]
    return dilations


def _taps(axes: "Axes", d: NDArray[np.int8]) -> None:
    height, width = d.shape
    y, x = np.mgrid[1:height:3, 1:width:3]
    reach = d[y, x].astype(float)
    scale = SIZE / width
    for ky in (-1, 0, 1):
        for kx in (-1, 0, 1):
            rows, columns = (y + 0.5 + ky * reach) * scale, (x + 0.5 + kx * reach) * scale
            axes.scatter(columns, rows, c=reach, s=1.5, cmap="plasma", vmin=0, vmax=7, linewidths=0)
    axes.set_xlim(0, SIZE)
    axes.set_ylim(SIZE, 0)
