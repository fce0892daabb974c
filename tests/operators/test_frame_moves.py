"""Movement of quantized values moves integers: Q/DQ stand at both of its ends."""

import numpy as np
import onnx_ir as ir
import pytest

from edgekit.export.hop_runner import run_hops
from edgekit.graph.model import Model
from edgekit.operators.frame_moves import frame_moves

HEADER = """<ir_version: 10, opset_import: ["" : 21]>
g (float[2, 3] x) => (float[3, 2] y)
<float s = {0.5}, float other = {0.25}, int8 z = {3}> {"""
BEHIND = """q = QuantizeLinear (x, s, z) d = DequantizeLinear (q, s, z) t = Transpose (d) y = Neg (t) }"""
BEFORE = """t = Transpose (x) q = QuantizeLinear (t, s, z) y = DequantizeLinear (q, s, z) }"""
BOTH = """q = QuantizeLinear (x, s, z) d = DequantizeLinear (q, s, z) t = Transpose (d)
p = QuantizeLinear (t, other, z) y = DequantizeLinear (p, other, z) }"""
ARITHMETIC = """q = QuantizeLinear (x, s, z) d = DequantizeLinear (q, s, z) t = Transpose (d) y = Neg (t) }"""


def model_of(body: str) -> Model:
    model = ir.from_onnx_text(HEADER + body)
    for node in model.graph:
        for value in node.outputs:
            if value.name in ("d", "t"):
                value.type = ir.TensorType(ir.DataType.FLOAT)
                value.shape = ir.Shape((2, 3) if value.name == "d" else (3, 2))
    return Model(model)


def operators(model: Model) -> list[str]:
    return [node.op_type for node in model.ir.graph]


@pytest.mark.parametrize("body", [BEHIND, BEFORE])
def test_a_movement_with_a_grid_at_one_end_gets_it_at_the_other(body: str) -> None:
    model = model_of(body)
    made = frame_moves(model)
    frame = ["QuantizeLinear", "DequantizeLinear"]
    assert operators(made)[:5] == [*frame, "Transpose", *frame]
    x = np.random.default_rng(0).normal(0, 20, (4, 2, 3)).astype(np.float32)
    before, after = run_hops(model, {"x": x}), run_hops(made, {"x": x})
    np.testing.assert_array_equal(before["y"], after["y"])


def test_a_movement_between_two_grids_stays() -> None:
    assert operators(frame_moves(model_of(BOTH))) == operators(model_of(BOTH))


def test_the_model_that_is_given_is_not_changed() -> None:
    model = model_of(BEHIND)
    frame_moves(model)
    assert operators(model) == operators(model_of(BEHIND))
