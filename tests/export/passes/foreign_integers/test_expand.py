"""Quantizers without an integer form are the same arithmetic in float."""

import numpy as np
import onnx_ir as ir
from onnx.reference import ReferenceEvaluator
from pass_networks import ops, parse

from edgekit.export.passes.foreign_integers.expand import expand_dequantizer, expand_quantizer

SCALES, ZEROS = np.array([0.1, 0.25, 2], np.float32), np.array([0, 128, 9], np.uint8)
TEXT = """(float[2,3] x) => (float[2,3] y) {
  q = QuantizeLinear (x, s, z)
  y = DequantizeLinear (q, s, z)
}"""


def test_both_ways_give_the_values_of_onnx_without_integers_between() -> None:
    x = np.random.default_rng(0).normal(0, 20, (2, 3)).astype(np.float32)
    model = parse(TEXT, s=SCALES, z=ZEROS)
    expected = ReferenceEvaluator(ir.to_proto(model)).run(None, {"x": x})[0]
    expand_quantizer(model.graph, model.graph[0])
    assert not {"QuantizeLinear", "DequantizeLinear"} & set(ops(model))
    assert all(node.outputs[0].dtype != ir.DataType.UINT8 for node in model.graph)
    found = ReferenceEvaluator(ir.to_proto(model)).run(None, {"x": x})[0]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_integers_that_a_network_is_given_are_cast() -> None:
    text = "(uint8[2,3] q) => (float[2,3] y) { y = DequantizeLinear (q, s, z) }"
    model = parse(text, s=SCALES, z=ZEROS)
    q = np.arange(0, 240, 40, dtype=np.uint8).reshape(2, 3)
    expand_dequantizer(model.graph, model.graph[0])
    assert set(ops(model)) <= {"Cast", "Reshape", "Sub", "Mul"}
    found = ReferenceEvaluator(ir.to_proto(model)).run(None, {"q": q})[0]
    np.testing.assert_allclose(found, (q.astype(np.float32) - ZEROS) * SCALES, rtol=1e-6)
