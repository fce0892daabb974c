"""Inputs that the user fixes become constants."""

import pytest
from onnx_texts import network, problems

from edgekit.export.from_onnx import from_onnx

BOUND = """(float[2,3,4] x, int64[k] axes, float factor) => (float[a,b,c] y) {
  sum = ReduceSum <keepdims = 1> (x, axes)
  y = Mul (sum, factor)
}"""


def test_inputs_become_constants():
    proto = network(BOUND)
    model = from_onnx(
        proto.SerializeToString(), name="net", constants={"axes": [0, -1], "factor": 2}
    )
    assert [value.name for value in model.ir.graph.inputs] == ["x"]
    assert list(model.ir.graph.outputs[0].shape) == [1, 3, 1]


@pytest.mark.parametrize(
    ("constants", "found"),
    [
        ({"nowhere": 1}, "no such input"),
        ({"axes": 0.5}, "float64 of shape ()"),
        ({"axes": [[0], [1]]}, "int64 of shape (2, 1)"),
        ({"factor": [1.0, 2.0]}, "float64 of shape (2)"),
        ({"factor": "loud"}, "<U4 of shape ()"),
        ({"axes": [[1], [1, 2]]}, "rows of different lengths"),
    ],
)
def test_constants_that_do_not_fit_are_refused(constants, found):
    (problem,) = problems(network(BOUND), constants=constants)
    assert found in problem.found
