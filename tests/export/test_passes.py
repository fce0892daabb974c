"""Each pass leaves the network's outputs equal in onnxruntime and does what it is for."""

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
from pass_networks import batchnorm_weights, draw, ops, parse, run

from edgekit.export.frontend.guard import LARGEST, guard_inputs
from edgekit.export.passes import (
    simplify,
)
from edgekit.graph.model import FLOAT_NODE, Model, StatePair


def test_simplify_orders_names_and_cleans_everything():
    model = parse(
        """(float[1,4] x) => (float[1,6] y) {
          unused = Relu (x)
          m = MatMul (x, w)
          a = Add (m, b)
          n = BatchNormalization (a, gamma, beta, mean, var)
          y = Relu (n)
        }""",
        w=draw(4, 6),
        b=draw(6),
        **batchnorm_weights(6),
    )
    names, before = run(model)
    simplify(model)
    assert ops(model) == {"Gemm": 1, "Relu": 1}
    assert len(model.graph.initializers) == 2
    new_names, after = run(model)
    assert new_names == names
    np.testing.assert_allclose(after[0], before[0], rtol=0, atol=1e-5)
    again = simplify(ir.from_proto(onnx.load_model_from_string(Model(model).to_bytes())))
    assert Model(again).to_bytes() == Model(model).to_bytes()


def test_guarded_inputs_do_not_poison_states():
    model = Model(parse("(float[2] x, float[2] h) => (float[2] h_next) { h_next = Add (x, h) }"))
    assert guard_inputs(model) is model
    guarded = guard_inputs(model.describe(states=[StatePair("h", "h_next")]))
    assert guard_inputs(guarded).to_bytes() == guarded.to_bytes()
    onnx.checker.check_model(ir.to_proto(guarded.ir), full_check=True)
    session = onnxruntime.InferenceSession(guarded.to_bytes())
    h = np.zeros(2, np.float32)
    assert session.run(None, {"x": np.array([np.nan, -np.inf], np.float32), "h": h})[
        0
    ].tolist() == [0, 0]
    edge = np.array([LARGEST, -1.5], np.float32)
    assert session.run(None, {"x": edge, "h": h})[0].tolist() == edge.tolist()
    node = next(iter(guarded.ir.graph))
    assert (node.domain, node.op_type, node.metadata_props[FLOAT_NODE]) == (
        "edgekit",
        "Finite",
        "1",
    )
