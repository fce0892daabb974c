"""What is said of operands that must be constants: advice that can be followed where they stand."""

import onnx
import pytest

from edgekit.export.from_onnx import from_onnx
from edgekit.targets.c.lower import check_c

# a node whose second operand k is computed, and what k follows from
SCATTER = "y = ScatterElements (zeros, k, x)"
NODES = {
    "ScatterElements": SCATTER,
    "Tile": "y = Tile (x, k)",
    "Slice": "y = Slice (x, k, ends)",
    "ReduceSum": "y = ReduceSum <keepdims = 0> (x, k)",
}


def steps(node: str, kind: str) -> list[str]:
    text = f"""<ir_version: 10, opset_import: ["": 21]>
net (float[1] x, int64[1] i) => (float[N] y) {{
  zeros = Constant <value_floats = [0.0, 0.0, 0.0]> ()
  ends = Constant <value_ints = [1]> ()
  {kind}
  {node}
}}"""
    model = from_onnx(onnx.parser.parse_model(text).SerializeToString(), name="net")
    return [problem.next_step for problem in check_c(model)]


def test_an_index_that_follows_from_an_integer_input_can_be_bound() -> None:
    (step,) = steps(SCATTER, "k = Add (i, i)")
    assert "--constant i=VALUE" in step and "end before" not in step


def test_an_index_that_follows_from_a_signal_is_cut_before() -> None:
    (step,) = steps(SCATTER, "k = Cast <to = 7> (x)")
    assert "let the network end before this node, with 'k'" in step and "--constant" not in step


def test_a_network_cut_there_is_taken() -> None:
    """The advice, followed."""
    text = """<ir_version: 10, opset_import: ["": 21]>
net (float[1] x, int64[1] i) => (int64[1] k, float[1] z) { k = Cast <to = 7> (x)
  z = Identity (x) }"""
    model = from_onnx(onnx.parser.parse_model(text).SerializeToString(), name="net")
    assert not check_c(model)


@pytest.mark.parametrize("condition", ["c = Cast <to = 9> (i)", "c = Cast <to = 9> (x)"])
def test_the_condition_of_a_branch_too(condition: str) -> None:
    text = f"""<ir_version: 10, opset_import: ["": 21]>
net (float[1] x, bool[1] b) => (float[1] y) {{
  {condition.replace("(i)", "(b)")}
  y = If (c) <then_branch = one () => (float[1] p) {{ j = ArgMax (x) p = GatherElements (x, j) }},
              else_branch = two () => (float[1] q) {{ q = Abs (x) }}>
}}"""
    model = from_onnx(onnx.parser.parse_model(text).SerializeToString(), name="net")
    (problem,) = check_c(model)
    wanted = "--constant b=VALUE" if "(i)" in condition else "end before this node"
    assert wanted in problem.next_step
