"""Addends that are functions of one tensor, and factors of one product, have 16 bits; no others have."""

import numpy as np
import onnx
import pytest

from edgekit.export.from_onnx import from_onnx
from edgekit.export.hop_runner import HopRunner, snr_db
from edgekit.graph.model import Model
from edgekit.operators.roles import PARTIAL_SUM
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.prepare.partial_results import mark_partial_results

WEIGHTS = ", ".join(f"{np.sin(i):.3f}" for i in range(64))
TEXT = f"""<ir_version: 10, opset_import: ["": 21]> net (float[1,8] x, float[1,8] z) => (float[1,8] y)
  <float[8,8] w = {{{WEIGHTS}}}, float[1,8] a = {{9, -8, 7, -9, 8, -7, 9, -8}},
   float[1,8] b = {{1, 2, 3, 4, 5, 6, 7, 8}}, float[1,8] slopes = {{-9, 8, -7, 9, -8, 7, -9, 8}}>
  {{ h = MatMul (x, w) """
FUNCTION = "p = Mul (a, h) q = Add (p, b) r = PRelu (h, slopes) sum = Add (q, r)"


def load(body: str) -> Model:
    content = onnx.parser.parse_model(f"{TEXT} {body} }}").SerializeToString()
    model = from_onnx(content, name="net")
    assert isinstance(model, Model)
    return model


def marked(body: str) -> set[str | None]:
    nodes = mark_partial_results(load(body)).ir.graph
    return {str(n.outputs[0].name) for n in nodes if PARTIAL_SUM in n.metadata_props}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (f"{FUNCTION} y = MatMul (sum, w)", {"h", "p", "q", "r"}),
        (f"{FUNCTION} s = Sigmoid (h) t = MatMul (s, w) y = Add (t, sum)", {"p", "q", "r"}),
        ("p = Mul (a, h) sum = Sub (h, p) y = MatMul (sum, w)", {"h", "p"}),
        ("p = Mul (a, h) sum = Add (p, z) y = MatMul (sum, w)", set()),
        ("p = MatMul (h, w) y = Add (h, p)", set()),
        ("p = Tanh (h) y = Mul (h, p)", set()),
        ("g = Sigmoid (h) p = Mul (h, g) y = Mul (z, p)", {"p"}),
        ("g = Sigmoid (h) p = Mul (h, g) q = Mul (z, p) y = Add (p, q)", set()),
        ("p = Mul (a, h) y = Mul (p, z)", set()),
    ],
    ids=[
        *("alone", "read elsewhere", "difference", "two tensors", "a layer between", "product"),
        *("three factors", "factor read elsewhere", "constant factor"),
    ],
)
def test_parts_of_one_operator_are_marked(body: str, expected: set[str]) -> None:
    assert marked(body) == expected


def test_what_cancels_in_a_sum_is_kept() -> None:
    model = load(f"{FUNCTION} y = MatMul (sum, w)")
    random = np.random.default_rng(0)
    clip = {name: random.normal(size=(200, 1, 8)).astype(np.float32) for name in "xz"}
    quantized = quantize(model, Calibration((clip,), "noise"), "w8a8")
    exact, found = (HopRunner(network)(clip)["y"] for network in (model, quantized))
    assert snr_db(exact, found) > 34
