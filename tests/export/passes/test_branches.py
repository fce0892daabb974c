"""An If that data decides becomes both of its branches and a Where; what could fail or be another shape stays."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper, parser

from edgekit.base.errors import ModelError
from edgekit.export.from_onnx import from_onnx
from edgekit.targets.c.lower import check_c

CHOICES = """<ir_version: 9, opset_import: ["" : 17]>
net (float[2,1,6] x, bool[1] c, bool d) => (float[2,6] y, float w) {
  z, w = If (c) <
    then_branch = outer () => (float[2,6] t, float k) {
      q = Squeeze (x, one)
      k = ReduceSum <keepdims = 0> (q)
      t = If (d) <
        then_branch = first () => (float[2,6] u) { u = Neg (q) },
        else_branch = second () => (float[2,6] v) {
          half = Constant <value = float {0.5}> ()
          v = Mul (q, half)
        }
      >
    },
    else_branch = other () => (float[2,6] e, float k) {
      e = Squeeze (x, one)
      k = ReduceMax <keepdims = 0> (x)
    }
  >
  y = Abs (z)
}"""
ONE = """<ir_version: 9, opset_import: ["" : 17]>
net (float[2,6] x, bool c) => (float[2,6] y) {{
  y = If (c) <
    then_branch = taken () => (float[2,6] t) {{ {body} }},
    else_branch = other () => (float[2,6] e) {{ e = Identity (x) }}
  >
}}"""


def network(text: str) -> bytes:
    model = parser.parse_model(text)
    model.graph.initializer.append(numpy_helper.from_array(np.array([1], np.int64), "one"))
    model.graph.initializer.append(numpy_helper.from_array(np.array([1, 0], np.int64), "swapped"))
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


@pytest.mark.parametrize("c", [True, False])
@pytest.mark.parametrize("d", [True, False])
def test_nested_choices_of_data_have_the_same_results(c: bool, d: bool) -> None:
    data = network(CHOICES)
    model = from_onnx(data, name="net")
    assert "If" not in {node.op_type for node in model.ir.graph} and check_c(model) == []
    inputs = {
        "x": np.random.default_rng(1).standard_normal((2, 1, 6), np.float32),
        "c": np.array([c]),
        "d": np.array(d),
    }
    expected = onnxruntime.InferenceSession(data).run(None, inputs)
    found = onnxruntime.InferenceSession(model.to_bytes()).run(None, inputs)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.shape == theirs.shape and np.array_equal(ours, theirs)


@pytest.mark.parametrize(
    "body",
    [
        "n = Cast <to = 7> (x) p = Mul (n, n) m = Add (p, one) k = Div (n, m) t = Cast <to = 1> (k)",
        "r = RandomNormalLike (x) t = Add (x, r)",
        "i = ArgMin <axis = 0> (x) r = GatherElements (x, i) t = Concat <axis = 0> (r, r)",
    ],
)
def test_a_branch_that_could_fail_or_draws_stays_a_branch(body: str) -> None:
    try:
        model = from_onnx(network(ONE.format(body=body)), name="net")
    except ModelError as error:  # random numbers are refused before
        assert "Random" in str(error)
        return
    (problem,) = check_c(model)
    assert problem.where.startswith("If '") and "--constant" in problem.next_step


def test_a_selection_by_constants_in_a_branch_is_computed() -> None:
    model = from_onnx(network(ONE.format(body="t = Gather (x, swapped)")), name="net")
    assert [node.op_type for node in model.ir.graph][-1] == "Where"


def test_branches_of_two_shapes_stay() -> None:
    text = ONE.format(body="t = Concat <axis = 0> (x, x)").replace("[2,6] t", "[4,6] t")
    with pytest.raises(ModelError, match="depends on data"):
        from_onnx(network(text.replace("(float[2,6] y)", "(float[a,6] y)")), name="net")
