"""The models of the layers of `layers.py`."""

from dataclasses import replace

import numpy as np
from layers.layer_shapes import Layer

from edgekit.export.from_onnx import from_onnx
from edgekit.graph.model import Model
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.recipe_file import find_recipe


def model_of(layer: Layer, recipe: str, name: str) -> Model:
    """Import the layer, and quantize it on noise; its weights to the nearest: fitted ones take as long to run."""
    model = from_onnx(layer.onnx(), name=name)
    if recipe == "float32":
        return model
    x = np.random.default_rng(1).standard_normal((8, *layer.x)).astype(np.float32)
    chosen = replace(find_recipe(recipe), rounding="nearest", bias_correction=False)
    return quantize(model, Calibration(({"x": x},), "noise"), chosen)
