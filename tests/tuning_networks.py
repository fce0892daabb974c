"""Quantized networks that torch trains."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import tiny_networks
from builds import noise
from onnx import helper, numpy_helper

from edgekit.graph.model import Model
from edgekit.quantize.apply import observe_model
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.recipe import Recipe
from edgekit.quantize.recipe_file import find_recipe
from edgekit.quantize.tuning.tune import Progress, WeightTuner
from edgekit.verbs.export.importing import ImportOptions, load_model

NARROW = Recipe("narrow", weights="int4", activations="int16", smooth_inputs="int16")


def calibration(model: Model, clips: int = 3, hops: int = 24) -> Calibration:
    return Calibration(tuple(noise(model, hops, seed=n) for n in range(clips)), "noise")


def between_layers(operator: str, folder: Path, **attributes: Any) -> Model:
    """A layer, an operator on 8 values, and a layer."""
    names, size = ("x", "a", "b", "y"), tiny_networks.WIDTH
    nodes = [
        helper.make_node("MatMul", ["x", "v"], ["a"], name="first"),
        helper.make_node(operator, ["a"], ["b"], name="middle", **attributes),
        helper.make_node("MatMul", ["b", "w"], ["y"], name="last"),
    ]
    x, y = (helper.make_tensor_value_info(names[i], 1, [1, size]) for i in (0, 3))
    random = np.random.default_rng(0)
    most = 0.12 if operator in ("Acos", "Asin", "Atanh") else 0.3  # these end at 1
    weights = [
        numpy_helper.from_array(random.uniform(0.05, most, (size, size)).astype(np.float32), name)
        for name in "vw"
    ]
    graph = helper.make_graph(nodes, "between", [x], [y], weights)
    file = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 24)], ir_version=11)
    onnx.save(file, folder / "between.onnx")
    return load_model(str(folder / "between.onnx"), ImportOptions()).model


def step(model: Model) -> tuple[WeightTuner, Progress]:
    """One step of a training at w8a8, on inputs that every function takes."""
    clips = tuple(
        {key: np.clip(np.abs(a), 0.2, 1) for key, a in clip.items()}
        for clip in calibration(model).clips
    )
    recipe = find_recipe("w8a8")
    tuning = WeightTuner(observe_model(model, Calibration(clips, "noise"), recipe), recipe, 1, 0)
    (done,) = tuning.run(tuning.start())
    return tuning, done
