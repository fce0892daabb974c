"""Tensors that are written place by place."""

import numpy as np
import onnx
import onnx_ir as ir
from onnx_ir.passes import common

from edgekit.export.hop_runner import in_onnxruntime
from edgekit.export.loops.writes import collect_writes
from edgekit.export.passes.shapes import InferShapes

WRITES = """<ir_version: 10, opset_import: ["": 21]>
net (float[1, 1, 2] x) => (float[1, 3, 2] y, float[1, 1, 2] z)
<float[1, 3, 2] zeros = {0, 0, 0, 0, 0, 0}, int64[1, 1, 2] i0 = {0, 0}, int64[1, 1, 2] i1 = {1, 1},
 int64[1, 1, 2] i2 = {2, 2}, int64[1] place = {1}> {
  a = ScatterElements <axis = 1> (zeros, i0, x)
  twice = Add (x, x)
  b = ScatterElements <axis = 1> (a, i1, twice)
  thrice = Add (twice, x)
  y = ScatterElements <axis = 1> (b, i2, thrice)
  w = Gather <axis = 1> (y, place)
  z = Neg (w)
}"""


def test_writes_become_a_concatenation_and_reads_pass_by():
    proto = onnx.parser.parse_model(WRITES)
    model = ir.from_proto(proto)
    InferShapes()(model)
    collect_writes(model.graph)
    common.RemoveUnusedNodesPass()(model)
    kinds = [node.op_type for node in model.graph]
    assert "Concat" in kinds and model.graph.outputs[0].producer().op_type == "Concat"
    assert model.graph.outputs[1].producer().inputs[0].name == "twice"
    x = np.ones((1, 1, 2), np.float32)
    expected, found = (
        in_onnxruntime(one.SerializeToString())({"x": x}) for one in (proto, ir.to_proto(model))
    )
    for one, other in zip(expected.values(), found.values(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_frames_that_no_turn_writes_come_from_the_tensor_below():
    text = WRITES.replace("  b = ScatterElements <axis = 1> (a, i1, twice)\n", "")
    proto = onnx.parser.parse_model(text.replace("(b, i2, thrice)", "(a, i1, thrice)"))
    model = ir.from_proto(proto)
    InferShapes()(model)
    collect_writes(model.graph)
    common.RemoveUnusedNodesPass()(model)
    joined = model.graph.outputs[0].producer()
    assert [value.producer().op_type for value in joined.inputs[1:]] == ["Add", "Slice"]
    x = np.ones((1, 1, 2), np.float32)
    expected, found = (
        in_onnxruntime(one.SerializeToString())({"x": x})["y"]
        for one in (proto, ir.to_proto(model))
    )
    np.testing.assert_array_equal(expected, found)
