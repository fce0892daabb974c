"""The models of the layers of `layers.py`."""

import numpy as np
from layer_shapes import Layer

from edgekit.export.from_onnx import from_onnx
from edgekit.graph.model import Model
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration


def model_of(layer: Layer, recipe: str, name: str) -> Model:
    """Import the layer, and quantize it on noise."""
    model = from_onnx(layer.onnx(), name=name)
    if recipe == "float32":
        return model
    x = np.random.default_rng(1).standard_normal((8, *layer.x)).astype(np.float32)
    return quantize(model, Calibration(({"x": x},), "noise"), recipe)
