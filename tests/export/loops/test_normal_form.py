"""Exports in normal form: slices for splits, one concatenation, equal nodes once, the same results."""

from collections import Counter

import numpy as np
import onnx
import onnx_ir as ir

from edgekit.export.hop_runner import in_onnxruntime
from edgekit.export.loops.constants import constant
from edgekit.export.loops.normal_form import normalise
from edgekit.graph.nodes import array_of

TEXT = """<ir_version: 10, opset_import: ["": 21]>
net (float[2, 6] x) => (float[2, 12] y) <int64[2] sizes = {2, 4}, int64[1] one = {1}, int64[1] two = {2}> {
  a, b = Split <axis = 1> (x, sizes)
  first = Neg (a)
  again = Neg (a)
  inner = Concat <axis = 1> (first, b)
  other = Concat <axis = -1> (again, b)
  y = Concat <axis = 1> (inner, other)
}"""


def test_the_form_and_its_results():
    proto = onnx.parser.parse_model(TEXT)
    model = ir.from_proto(proto)
    normalise(model)
    assert Counter(node.op_type for node in model.graph) == {"Slice": 2, "Neg": 1, "Concat": 1}
    x = {"x": np.arange(12, dtype=np.float32).reshape(2, 6)}
    (before,) = in_onnxruntime(proto.SerializeToString())(x).values()
    (after,) = in_onnxruntime(ir.to_proto(model).SerializeToString())(x).values()
    assert np.array_equal(before, after)


def test_constants_of_the_same_numbers_are_one():
    graph = ir.from_proto(onnx.parser.parse_model(TEXT)).graph
    numbers = np.arange(6, dtype=np.int64)
    first = constant(graph, numbers, "c")
    assert constant(graph, numbers.copy(), "c") is first
    later = np.array([0, 1, 2, 3, 4, 7])  # its first numbers, which the name holds, are the same
    other = constant(graph, later, "c")
    assert other is not first and np.array_equal(array_of(other), later)
