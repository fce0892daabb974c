"""The limits of inputs that are indices: what a table that they index allows."""

import onnx
import pytest

from edgekit.export.from_onnx import from_onnx
from edgekit.graph.index_limits import index_limits

# what a network makes of its input i, with a table of 6 rows, and the limits of i
INDEXED = {
    "y = Gather (table, i)": (-6, 5),
    "y = GatherElements (table, i)": (-6, 5),
    "a = Unsqueeze (i, one)\n y = GatherND (table, a)": (-6, 5),
    "a = Unsqueeze (i, zero)\n k = Squeeze (a, zero)\n y = Gather (table, k)": (-6, 5),
    "k = Add (two, i)\n y = Gather (table, k)": (-8, 3),
    "k = Sub (i, two)\n y = Gather (table, k)": (-4, 7),
    "g = Gather (table, i)\n k = Add (i, two)\n h = Gather (table, k)\n y = Add (g, h)": (-6, 3),
}
# what nothing limits for certain: a part of the input, a clipped one, a label that is compared
FREE = (
    "k = Slice (i, zero, one)\n y = Gather (table, k)",
    "k = Max (i, zero)\n m = Min (k, two)\n y = Gather (table, m)",
    "u = Unsqueeze (i, one)\n e = Equal (u, all)\n f = Cast <to = 1> (e)\n y = ReduceSum <keepdims = 0> (f, zero)",
    "f = Cast <to = 1> (i)\n y = Add (f, x)",
    "k = Mod (i, two)\n y = Gather (table, k)",
)


def limits(text: str, kind: str = "int64") -> tuple[int, int] | None:
    body = f"""<ir_version: 10, opset_import: ["": 21]>
net ({kind}[3] i, float[3] x) => (float[N] y) {{
  zero = Constant <value_ints = [0]> ()
  one = Constant <value_ints = [1]> ()
  two = Constant <value_ints = [2]> ()
  all = Constant <value_ints = [0, 1, 2, 3, 4, 5]> ()
  table = Constant <value_floats = [0.5, 1.0, 1.5, 2.0, 2.5, 3.0]> ()
  {text}
}}"""
    model = from_onnx(onnx.parser.parse_model(body).SerializeToString(), name="net")
    return index_limits(next(v for v in model.ir.graph.inputs if v.name == "i"))


@pytest.mark.parametrize("text", INDEXED)
def test_a_table_limits_its_index(text: str) -> None:
    assert limits(text) == INDEXED[text]


@pytest.mark.parametrize("text", FREE)
def test_what_a_network_takes_in_another_way_has_no_limits(text: str) -> None:
    assert limits(text) is None


def test_a_float_has_no_limits() -> None:
    assert limits("k = Cast <to = 7> (i)\n y = Gather (table, k)", "float") is None
