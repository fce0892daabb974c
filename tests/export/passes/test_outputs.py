"""Graph outputs that are inputs or constants become outputs of a node."""

import numpy as np
import onnx_ir as ir
from pass_networks import draw, parse, run

from edgekit.export.passes.outputs import OwnOutputs


def test_an_input_keeps_its_name_and_a_constant_gives_it_away() -> None:
    w = draw(2)
    model = parse("(float[2] x) => (float[2] y) { y = Add (x, w) }", w=w)
    graph = model.graph
    graph.outputs.extend([graph.inputs[0], graph.initializers["w"]])
    assert OwnOutputs()(model).modified
    assert [v.name for v in graph.inputs] == ["x"]
    names, (y, passed, constant) = run(ir.from_proto(ir.to_proto(model)))
    assert names == ["y", "x_passed", "w"]
    np.testing.assert_array_equal(constant, w)
    np.testing.assert_allclose(y - w, passed, atol=1e-6)
    assert not OwnOutputs()(model).modified
