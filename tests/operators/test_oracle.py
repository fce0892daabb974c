"""The oracle carries states from hop to hop, and names what it cannot run."""

import numpy as np
import onnx_ir as ir
import pytest

from edgekit.base.errors import ModelError
from edgekit.graph.model import Model
from edgekit.operators.oracle import Oracle

TEXT = """<ir_version: 10, opset_import: ["" : 21]>
g (float[2] x, float[2] before) => (float[2] y, float[2] after) {
  y = Add (x, before)
  after = Identity (y)
}"""


def summing() -> Model:
    pair = {"input": "before", "output": "after"}
    return Model(ir.from_onnx_text(TEXT)).describe(states=[pair])


def test_a_state_is_what_the_hop_before_left() -> None:
    x = np.random.default_rng(0).standard_normal((5, 2)).astype(np.float32)
    oracle = Oracle(summing())
    np.testing.assert_array_equal(oracle.run_hops({"x": x})["y"], np.cumsum(x, axis=0))
    np.testing.assert_array_equal(
        oracle.process({"x": x[0]})["y"], x.sum(0, dtype=np.float32) + x[0]
    )
    oracle.reset()
    np.testing.assert_array_equal(oracle.process({"x": x[0]})["y"], x[0])


def test_operators_without_a_form_are_named() -> None:
    text = TEXT.replace("y = Add (x, before)", "y = Bernoulli (x)")
    with pytest.raises(ModelError, match=r"Bernoulli .*no integer oracle"):
        Oracle(Model(ir.from_onnx_text(text)))
