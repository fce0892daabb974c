"""Tensors that hold the same values share a type."""

from dataclasses import replace

import numpy as np
import onnx
from builds import int8_model

from edgekit.export.from_onnx import from_onnx
from edgekit.operators.oracle import Oracle
from edgekit.operators.qdq import stored_type
from edgekit.quantize.apply import observe_model
from edgekit.quantize.calibrate.clips import Calibration, observe
from edgekit.quantize.calibrate.held_out import Parts
from edgekit.quantize.recipe import RECIPES
from edgekit.quantize.types.choose import choose_types


def test_caches_are_stored_as_integers_and_start_at_the_zero_point() -> None:
    oracle = Oracle(int8_model("tcn"))
    for name in ("c0", "c1", "c2", "tail"):
        kind = stored_type(next(v for v in oracle.graph.inputs if v.name == name))
        assert kind is not None
        assert kind.dtype == "int8"
        assert np.all(oracle.states[name] == kind.zero_point)


def test_a_recipe_means_the_same_types_if_clips_are_left_out() -> None:
    """Only with the clip that makes `b` loud is `a` far from the result's range, so that it has a type of its own."""
    text = """<ir_version: 9, opset_import: ["" : 18]>
        net (float[1, 4] x) => (float[1, 4] y)
        <float[4, 2] first = {1, 0, 0, 1, 0, 0, 0, 0}, float[4, 2] last = {0, 0, 0, 0, 1, 0, 0, 1},
         float[4, 4] w = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1}>
        { a = MatMul (x, first) b = MatMul (x, last) c = Concat <axis = 1> (a, b) y = MatMul (c, w) }"""
    model = from_onnx(onnx.parser.parse_model(text).SerializeToString(), name="net")
    quiet = np.random.default_rng(0).uniform(-1, 1, (40, 1, 4)).astype(np.float32)
    loud = quiet * np.float32([1, 1, 50, 50])
    recipe = replace(RECIPES["w8a8"], name="mine", tensors={"c": "int8"}, activations="int16")
    parts = Parts([40, 40])
    seen = observe_model(model, Calibration(({"x": loud}, {"x": quiet}), "x"), recipe, parts)
    held = seen.without((0,))
    kinds = [of.plan_types(recipe).types["a"].dtype for of in (seen, held)]
    assert kinds == ["int16", "int16"]
    alone = observe(held.model, Calibration(({"x": quiet},), "x"))
    assert choose_types(held.model, alone, recipe).types["a"].dtype == "int8"
    assert held.plan_types(recipe).types["c"].scale < seen.plan_types(recipe).types["c"].scale / 10
