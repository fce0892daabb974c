"""Types in Q/DQ pairs, and what integers make of them."""

import numpy as np
import onnx_ir as ir
import pytest

from edgekit.base.errors import ModelError
from edgekit.graph.model import Model
from edgekit.operators import qdq
from edgekit.operators.scheme import QuantType

TEXT = """<ir_version: 10, opset_import: ["" : 21]>
g (float[2] x, float[2] before) => (float[2] y, float[2] after)
<float s = {0.5}, int8 z = {3}, float other = {0.25}, int8[4] w = {1, -2, 3, -4}, float[2] rows = {0.5, 2.0},
 int8[2] zeros = {0, 0}> {
  q = QuantizeLinear (before, s, z)
  d = DequantizeLinear (q, s, z)
  y = Add (x, d)
  next = QuantizeLinear (y, OUTER, z)
  after = DequantizeLinear (next, OUTER, z)
}"""


def graph_of(outer: str = "s") -> ir.Model:
    return ir.from_onnx_text(TEXT.replace("OUTER", outer))


@pytest.mark.parametrize(
    ("outer", "kinds"), [("s", {"before": QuantType("int8", 0.5, 3)}), ("other", {})]
)
def test_a_state_is_stored_in_the_type_in_which_it_is_read_and_written(
    outer: str, kinds: dict[str, QuantType]
) -> None:
    pair = {"input": "before", "output": "after"}
    assert qdq.integer_states(Model(graph_of(outer)).describe(states=[pair])) == kinds


def test_a_computed_scale_is_refused() -> None:
    node = ir.node("QuantizeLinear", [ir.Value(name=n) for n in "xsz"], name="q")
    with pytest.raises(ModelError, match="a computed scale or zero point, or no zero point"):
        qdq.qdq_type(node)


@pytest.mark.parametrize(
    ("body", "limits"),
    [
        ("y = Relu (x)", (3, 127)),
        ("y = Clip (x, low, high)", (1, 9)),
        ("y = Clip (x, , high)", (-128, 9)),
        ("y = Clip (x, low)", (1, 127)),
    ],
)
def test_a_fused_clamp_is_in_the_limits(body: str, limits: tuple[int, int]) -> None:
    text = f"""<ir_version: 10, opset_import: ["" : 21]>
    g (float[2] x) => (float[2] y) <float low = {{-1.0}}, float high = {{3.0}}> {{ {body} }}"""
    node = ir.from_onnx_text(text).graph[0]
    made = qdq.output_attributes(QuantType("int8", 0.5, 3), node)
    assert made == {"y_zero": 3, "y_min": limits[0], "y_max": limits[1]}


def test_attributes_have_the_types_of_their_values() -> None:
    made = qdq.convert({"a": 2, "b": 0.5, "c": [1, 2], "d": np.array([3], np.int8)})
    assert [attribute.type.name for attribute in made.values()] == [
        "INT",
        "FLOAT",
        "INTS",
        "TENSOR",
    ]
