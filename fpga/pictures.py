"""The facts about a build's pictures: those the user declared, and the others from calibration and network."""

from dataclasses import replace

import numpy as np
import onnx_ir as ir

from edgekit.base.errors import Problem
from edgekit.base.picture_files import form_problem
from edgekit.base.pictures import Pictures, read_pictures
from edgekit.graph.facts import names
from edgekit.graph.model import Model
from edgekit.operators.geometry import dims
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.runtime.pictures.found import gives_of, gives_problem

RANGES = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0))  # of which one is taken where calibration shows it
DECLARE = "--picture range=LOW,HIGH declares it, so that picture files can be run"
USUAL = {"boxes": "sigmoid", "classes": "softmax"}  # scores of outputs that are logits
MAKES_SCORES = ("Sigmoid", "Softmax")
RESHAPES = names(lambda row: row.moves == "renames")


def problems_of(model: Model, text: str) -> list[Problem]:
    """Return the reasons why a network's input and outputs differ from the declaration."""
    form, (value, *_) = read_pictures(text), model.ir.graph.inputs
    found = [problem] if (problem := form_problem(form, tuple(dims(value)))) else []
    shapes = _shapes(model)
    if form.gives is not None and (allowed := gives_problem(form.gives, shapes)) is not None:
        listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        step = "name the outputs so, change gives=, or leave it out"
        found.append(Problem(f"--picture, gives={form.gives}", f"outputs {listed}", allowed, step))
    return found


def describe_pictures(
    model: Model, calibration: Calibration, text: str | None
) -> tuple[Pictures | None, tuple[str, ...]]:
    """Return the manifest's facts on pictures, None where nothing is known; and notes on undeclared ones."""
    if text is None:
        ends = _range(calibration)
        (value, *_) = model.ir.graph.inputs
        form = None if ends is None else Pictures(*ends)
        if form is None or form_problem(form, tuple(dims(value))) is not None:
            return None, (f"pictures: no range is declared, and calibration shows none; {DECLARE}",)
        seen = f"pictures: calibration shows values from {form.low:g} to {form.high:g}, taken for black and white; "
        notes: tuple[str, ...] = (seen + "--picture declares others",)
    else:
        form, notes = read_pictures(text), ()
    gives = form.gives or gives_of(_shapes(model))
    scores = form.scores
    if scores is None and gives in USUAL:
        scores = "none" if _makes_scores(model) else USUAL[gives]
    return replace(form, gives=gives, scores=scores), notes


def _shapes(model: Model) -> dict[str, tuple[int, ...]]:
    return {str(value.name): tuple(dims(value)) for value in model.ir.graph.outputs}


def _range(calibration: Calibration) -> tuple[float, float] | None:
    """The least usual range that holds all that calibration has; None where it fills none of them."""
    arrays = [np.asarray(array) for clip in calibration.clips for array in clip.values()]
    low = min((float(a.min()) for a in arrays if a.size), default=np.nan)
    high = max((float(a.max()) for a in arrays if a.size), default=np.nan)
    for least, most in RANGES:
        near = (most - least) / 8
        if least <= low <= least + near and most - near <= high <= most:
            return least, most
    return None


def _makes_scores(model: Model) -> bool:
    """Whether the first output comes of a function that makes scores, reshapes left aside."""
    node: ir.Node | None = model.ir.graph.outputs[0].producer()
    while node is not None and node.op_type in RESHAPES:
        first = node.inputs[0]
        node = None if first is None else first.producer()
    return node is not None and node.op_type in MAKES_SCORES
