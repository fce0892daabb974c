"""Shapes follow from the inputs alone."""

import numpy as np
import onnx_ir as ir
import pytest
from pass_networks import apply, parse

from edgekit.base.errors import ModelError
from edgekit.export.passes import (
    InferShapes,
)
from edgekit.export.passes.shapes import MAX_ELEMENTS


def test_shapes_are_inferred_and_claims_forgotten():
    model = parse(
        "(float[1,8] x) => (float[1,16] y) { a = Relu (x)  y = Concat <axis = 1> (a, a) }"
    )
    model.graph[0].outputs[0].shape = ir.Shape([1, 99])
    apply(model, InferShapes())
    assert [list(node.outputs[0].shape) for node in model.graph] == [[1, 8], [1, 16]]


def test_a_tensor_too_large_to_evaluate_is_refused_before_it_is_made():
    with pytest.raises(ModelError, match=f"at most {MAX_ELEMENTS} elements"):
        parse(
            "(float[1] x) => (float[a,b] y) { c = ConstantOfShape (s)  y = Add (c, x) }",
            s=np.array([2**20, 2**20], np.int64),
        )
