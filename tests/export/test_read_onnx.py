"""What no target runs is refused by name once a file is read."""

import numpy as np
import onnx
import pytest
from onnx_texts import network, problems

from edgekit.export.from_onnx import from_onnx


def test_stale_shapes_of_an_exporter_are_not_believed():
    proto = network("(float[1,T] x) => (float[1,99] y) { a = Relu (x)  y = Neg (a) }")
    claim = onnx.helper.make_tensor_value_info("a", onnx.TensorProto.FLOAT, [1, 99])
    proto.graph.value_info.append(claim)
    model = from_onnx(proto.SerializeToString(), name="net", shapes={"x": (1, 8)})
    assert [list(node.outputs[0].shape) for node in model.ir.graph] == [[1, 8], [1, 8]]


def test_shapes_that_depend_on_data_are_refused():
    proto = network("(float[4] x) => (float[a,b] y) { n = NonZero (x)  y = Cast <to = 1> (n) }")
    assert {problem.where.split()[0] for problem in problems(proto)} == {"NonZero", "Cast"}


def test_operators_of_other_domains_are_all_listed():
    proto = network(
        """(float[2] x) => (float[2] y) {
          a = com.microsoft.Gelu (x)
          b = ai.onnx.ml.Binarizer (a)
          y = custom.Magic (b)
        }""",
        domains=', "com.microsoft": 1, "custom": 1, "ai.onnx.ml": 3',
    )
    found = problems(proto)
    domains = [problem.found.partition("'")[2] for problem in found]
    assert domains == ["com.microsoft'", "ai.onnx.ml'", "custom'"]
    assert ["custom operators" in problem.next_step for problem in found] == [True, False, True]


@pytest.mark.parametrize(
    "text",
    [
        """Loop (n, c, x) <body = turn (int64 i, bool a, float[2] s) => (bool b, float[2] t) {
          b = Identity (a)
          t = Add (s, x)
        }>""",
        """Scan (x, m) <num_scan_inputs = 1, body = turn (float[2] s, float[2] r) => (float[2] t) {
          t = Add (s, r)
        }>""",
    ],
)
def test_loops_are_refused_by_name(text):
    op_type = text.partition(" ")[0]
    proto = network(
        f"(float[2] x, float[3,2] m) => (float[2] y) {{ y = {text} }}",
        n=np.array(3),
        c=np.array(True),
    )
    (problem,) = problems(proto)
    assert problem.where.startswith(f"{op_type} '")
    assert problem.found == "a loop in the network"
