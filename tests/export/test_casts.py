"""Floats that an integer type does not hold are seen in what a network computes."""

import numpy as np
from onnx_texts import network

from edgekit.export.casts import undefined_casts
from edgekit.export.from_onnx import from_onnx

TEXT = "(float[1,2] x) => (float[1,2] y) { d = Mul (x, x) i = Cast <to = 3> (d) y = Cast <to = 1> (i) }"


def test_a_value_beyond_the_type_is_told_by_the_name_of_its_cast() -> None:
    model = from_onnx(network(TEXT).SerializeToString(), name="net")
    inside = np.full((3, 1, 2), 11, np.float32)
    assert undefined_casts(model, {"x": inside}) == []
    (problem,) = undefined_casts(model, {"x": inside + np.float32(1)})
    assert problem.found == "144 becomes int8, which ONNX leaves open"
    assert problem.allowed == "-128 to 127" and problem.where.startswith("Cast '")


def test_a_network_without_casts_is_not_run() -> None:
    text = "(float[1,2] x) => (float[1,2] y) { y = Neg (x) }"
    assert undefined_casts(from_onnx(network(text).SerializeToString(), name="net"), {}) == []
