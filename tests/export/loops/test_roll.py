"""Unrolled loops become one node, with the results of the turns."""

import numpy as np
import onnx_ir as ir
from unrolled_loops import unrolled

from edgekit.export.hop_runner import in_onnxruntime
from edgekit.export.loops.normal_form import normalise
from edgekit.export.loops.roll import growing_families, roll


def normal(turns: int, last: str = "Add") -> ir.Model:
    model = unrolled(turns, last)
    normalise(model)
    return model


def test_frames_that_follow_the_length_are_told_from_others():
    assert growing_families(normal(6), normal(9)) == [True]
    assert growing_families(normal(6), normal(6)) == [False]


def test_a_sum_over_frames_is_one_node():
    model = normal(7)
    assert roll(model, [True]) == []
    assert [node.op_type for node in model.graph] == ["Loop.0", "Identity"]
    x = np.random.default_rng(0).standard_normal((1, 7, 2)).astype(np.float32)
    (y,) = in_onnxruntime(ir.to_proto(model).SerializeToString())({"x": x}).values()
    np.testing.assert_allclose(y, np.cumsum(x, 1), rtol=1e-6, atol=1e-6)


def test_a_loop_with_another_last_turn_stays():
    model = normal(6, "Mul")
    (problem,) = roll(model, [True])
    assert "turn 5" in problem.found
    assert not [node for node in model.graph if node.op_type.startswith("Loop")]
