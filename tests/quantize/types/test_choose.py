"""What goes into a root, a square or a denominator stays in float, through the activation that its layer would fuse."""

import numpy as np
import onnx
import pytest

from edgekit.export.from_onnx import from_onnx
from edgekit.operators.oracle import Oracle
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration

LAYERS = ("Add(x, k)", "Sub(x, k)", "Mul(x, k)", "Add(x, x)")
ACTIVATIONS = ("Relu(a)", "Clip(a, low, high)")
BEHIND = ("Mul(b, b)", "Sqrt(b)", "Div(x, b)", "Pow(b, two)")


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_what_is_squared_or_divided_by_is_float(layer: str, activation: str) -> None:
    hops = 1 + np.random.default_rng(0).uniform(0, 1, (40, 1, 6)).astype(np.float32)
    for behind in BEHIND:
        text = f"""<ir_version: 9, opset_import: ["" : 18]>
            net (float[1, 6] x) => (float[1, 6] y)
            <float k = {{0.25}}, float low = {{0.1}}, float high = {{3}}, float two = {{2}}>
            {{ a = {layer} b = {activation} c = {behind} y = Neg(c) }}"""
        model = from_onnx(onnx.parser.parse_model(text).SerializeToString(), name="net")
        integer = quantize(model, Calibration(({"x": hops},), "noise"), "w8a8")
        exact, found = (Oracle(one).run_hops({"x": hops})["y"] for one in (model, integer))
        assert np.abs(found - exact).max() < 0.02 * np.abs(exact).max(), behind
