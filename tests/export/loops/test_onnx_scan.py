"""A Scan of ONNX becomes a loop along time."""

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from edgekit.export.hop_runner import in_onnxruntime
from edgekit.export.loops.onnx_scan import adopt_scans

SCAN = """<ir_version: 10, opset_import: ["": 21]>
net (float[1, 6] x, float[1] h) => (float[6, 1] y) <float[1] gain = {2}> {
  last, y = Scan <num_scan_inputs = 1, scan_input_axes = [1], MORE body = turn (float[1] s, float[1] f)
    => (float[1] t, float[1] o) { t = Add (s, f) o = Mul (t, gain) }> (h, x)
}"""


def test_the_same_results_and_the_outer_value_is_an_input():
    proto = onnx.parser.parse_model(SCAN.replace("MORE", ""))
    model = ir.from_proto(proto)
    adopt_scans(model)
    (node,) = model.graph
    assert (node.op_type, [value.name for value in node.inputs]) == ("Loop.0", ["h", "x", "gain"])
    feed = {"x": np.arange(6, dtype=np.float32)[None], "h": np.ones(1, np.float32)}
    expected, found = (
        in_onnxruntime(one.SerializeToString())(feed)["y"] for one in (proto, ir.to_proto(model))
    )
    np.testing.assert_array_equal(expected, found)


@pytest.mark.parametrize("more", ["scan_input_directions = [1],", "scan_output_directions = [1],"])
def test_a_scan_from_the_end_stays(more):
    model = ir.from_proto(onnx.parser.parse_model(SCAN.replace("MORE", more)))
    adopt_scans(model)
    assert [node.op_type for node in model.graph] == ["Scan"]
