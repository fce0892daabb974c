"""The nodes of one step: names of their own, stand-ins for what is outside, constants."""

import numpy as np
import onnx
import onnx_ir as ir

from edgekit.export.loops.body import Body

TEXT = """<ir_version: 10, opset_import: ["": 21]>
net (float[1, 2] x, float[2, 3] w) => (float[1, 3] y) <float[1, 3] bias = {1, 2, 3}, int64[1] axis = {1}> {
  product = MatMul (x, w)
  y = Add (product, bias)
}"""


def graph() -> ir.Graph:
    return ir.from_proto(onnx.parser.parse_model(TEXT)).graph


def test_copies_of_nodes_have_names_and_constants_of_their_own():
    body, source = Body(), graph()
    x, w = (body.input(value, "given") for value in source.inputs)
    made = body.clone_all(list(source), dict(zip(source.inputs, (x, w), strict=True)))
    made_again = body.clone_all(list(source), dict(zip(source.inputs, (x, w), strict=True)))
    names = [value.name for node in body.nodes for value in node.outputs]
    assert len({*names, x.name, w.name}) == len(names) + 2
    assert sorted(node.op_type for node in body.nodes) == 2 * ["Add"] + 2 * ["Constant"] + 2 * [
        "MatMul"
    ]
    (y,) = source.outputs
    assert made[y] is not made_again[y] and made[y].shape == y.shape


def test_a_value_from_outside_has_one_stand_in_and_integers_are_constants():
    body, source = Body(), graph()
    w = source.inputs[1]
    assert body.outside(w) is body.outside(w) and list(body.outer) == [w]
    axis = body.outside(source.initializers["axis"])
    assert axis.producer() is body.nodes[-1] and list(body.outer) == [w]
    np.testing.assert_array_equal(body.nodes[-1].attributes["value"].as_tensor().numpy(), [1])


def test_the_first_turn_is_one_comparison():
    body = Body()
    assert body.first() is body.first() and body.marks is not None
    assert [node.op_type for node in body.nodes] == ["Constant", "Less"]
