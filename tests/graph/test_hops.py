"""Hops that are cut from arrays of many."""

import numpy as np
import onnx_ir as ir

from edgekit.graph.hops import of_hop
from edgekit.graph.model import Model

TEXT = """<ir_version: 10, opset_import: ["" : 21]>
g (float[3] x, float[3] speaker) => (float[3] y) { y = Add (x, speaker) }"""


def test_streams_are_cut_and_session_constants_are_not() -> None:
    model = Model(ir.from_onnx_text(TEXT)).describe(constants=["speaker"])
    x, speaker = np.arange(12.0).reshape(4, 3), np.arange(3.0)
    found = of_hop(model, {"x": x, "speaker": speaker}, 2)
    np.testing.assert_array_equal(found["x"], [6, 7, 8])
    np.testing.assert_array_equal(found["speaker"], speaker)
