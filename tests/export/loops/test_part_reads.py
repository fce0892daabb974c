"""Reads of whole parts of a Concat read the parts; other reads stay."""

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from edgekit.export.hop_runner import in_onnxruntime
from edgekit.export.loops.part_reads import read_parts
from edgekit.export.passes.shapes import InferShapes

STACK = """<ir_version: 10, opset_import: ["": 21]>
net (float[2, 3] a, float[2, 3] b) => (float[2, 3] y)
<int64[1] line = {1}, int64 second = {1}, int64[3] shape = {2, 2, 3}> {
  left = Unsqueeze (a, line)
  right = Unsqueeze (b, line)
  both = Concat <axis = 1> (left, right)
  same = Reshape (both, shape)
  part = Gather <axis = 1> (same, second)
  y = Neg (part)
}"""
JOIN = """<ir_version: 10, opset_import: ["": 21]>
net (float[2, 3] a, float[2, 1] b) => (float[2, n] y)
<int64[1] start = {START}, int64[1] stop = {STOP}, int64[1] axis = {1}> {
  both = Concat <axis = 1> (a, b)
  part = Slice (both, start, stop, axis)
  y = Neg (part)
}"""


def with_parts(text: str) -> tuple[ir.Model, onnx.ModelProto]:
    proto = onnx.parser.parse_model(text)
    model = ir.from_proto(proto)
    InferShapes()(model)
    read_parts(model.graph)
    return model, proto


def source_of_result(model: ir.Model) -> str | None:
    (value,) = (node.inputs[0] for node in model.graph if node.op_type == "Neg")
    return None if value is None else value.name


def test_a_stack_that_is_taken_apart() -> None:
    model, proto = with_parts(STACK)
    assert source_of_result(model) == "b"
    feed = {name: np.random.default_rng(0).random((2, 3), np.float32) for name in "ab"}
    expected, found = (
        in_onnxruntime(one.SerializeToString())(feed)["y"] for one in (proto, ir.to_proto(model))
    )
    np.testing.assert_array_equal(expected, found)


@pytest.mark.parametrize(
    ("start", "stop", "source"), [(0, 3, "a"), (3, 4, "b"), (1, 3, "part"), (2, 4, "part")]
)
def test_whole_parts_alone(start: int, stop: int, source: str) -> None:
    text = JOIN.replace("START", str(start)).replace("STOP", str(stop))
    assert source_of_result(with_parts(text)[0]) == source
