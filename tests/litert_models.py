"""The cases of `operator_cases` in integer recipes, for LiteRT: by the names of the cases."""

from operator_cases import CASES
from operator_models import CALIBRATION_SAMPLES, Arrays, draw

from edgekit.export.from_onnx import from_onnx
from edgekit.graph.model import Model
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration


def quantized(name: str, recipe: str) -> tuple[Model, Arrays]:
    """A case in an integer recipe, and what it was calibrated on."""
    samples = draw(CASES[name], CALIBRATION_SAMPLES, 1)
    model = from_onnx(CASES[name].onnx, name=name)
    return quantize(model, Calibration((samples,), "noise"), recipe), samples
