"""Inputs of a network with state: what is no usable number reads as 0."""

import numpy as np
import onnx

from edgekit.export.from_onnx import from_onnx
from edgekit.export.frontend.guard import LEAST, guard_inputs
from edgekit.export.hop_runner import run_hops


def model(states: str = "h:n"):
    proto = onnx.parser.parse_model(
        '<ir_version: 10, opset_import: ["": 21]> net (float[1,4] x, float[1,4] h) => '
        "(float[1,4] y, float[1,4] n) { n = Add (x, h) y = Identity (n) }"
    )
    pairs = [tuple(states.split(":"))] if states else []
    return from_onnx(proto.SerializeToString(), name="net", states=pairs)


def test_no_bad_number_stays_in_a_state():
    hops = np.array([[[1, np.nan, np.inf, 2.0**70]], [[1, 2, 3, LEAST / 2]]], np.float32)
    found = run_hops(guard_inputs(model()), {"x": hops})["y"]
    np.testing.assert_array_equal(found.reshape(2, 4), [[1, 0, 0, 0], [2, 2, 3, 0]])


def test_an_input_is_guarded_once():
    once = guard_inputs(model())
    assert guard_inputs(once).to_bytes() == once.to_bytes()
    assert [node.op_type for node in once.ir.graph].count("Finite") == 1
