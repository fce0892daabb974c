"""MatMulInteger and ConvInteger as float products whose sums are exact."""

import numpy as np
import onnx_ir as ir
import pytest
from onnx.reference import ReferenceEvaluator
from onnx_texts import network
from pass_networks import ops, parse

from edgekit.export.passes.canonical_forms.table import Canonical

RANDOM = np.random.default_rng(0)


def integers(*shape: int) -> np.ndarray:
    return RANDOM.integers(0, 256, shape).astype(np.uint8)


@pytest.mark.parametrize(
    ("node", "sizes", "weights"),
    [
        (
            "MatMulInteger (x, w, a, b)",
            ("2,600", "2,3"),
            {"w": integers(600, 3), "a": np.uint8(9), "b": np.uint8(200)},
        ),
        ("MatMulInteger (x, w, , b)", ("2,5", "2,3"), {"w": integers(5, 3), "b": integers(3)}),
        (
            "ConvInteger (x, w, a, b)",
            ("1,2,6", "1,3,4"),
            {"w": integers(3, 2, 3), "a": np.uint8(7), "b": np.uint8(1)},
        ),
    ],
)
def test_sums_equal_those_of_onnx(node: str, sizes: tuple[str, str], weights) -> None:
    text = f"(uint8[{sizes[0]}] x) => (int32[{sizes[1]}] y) {{ s = {node} y = Identity (s) }}"
    x = integers(*map(int, sizes[0].split(",")))
    expected = ReferenceEvaluator(network(text, **weights)).run(None, {"x": x})[0]
    model = parse(text, **weights)
    Canonical()(model)
    assert not {"MatMulInteger", "ConvInteger"} & set(ops(model))
    found = ReferenceEvaluator(ir.to_proto(model)).run(None, {"x": x})[0]
    np.testing.assert_array_equal(found, expected)


def test_a_convolution_whose_sums_may_be_inexact_stays() -> None:
    text = "(uint8[1,300,2] x) => (int32[1,1,1] y) { y = ConvInteger (x, w) }"
    model = parse(text, w=np.full((1, 300, 2), 255, np.uint8))
    Canonical()(model)
    assert ops(model) == {"ConvInteger": 1}
