"""MeanVarianceNormalization keeps its precision where all values are nearly the same."""

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from edgekit.export.onnx_file.variance import center


def centered(opset: int, axes: str, x: np.ndarray) -> np.ndarray:
    proto = onnx.parser.parse_model(
        f"""<ir_version: 8, opset_import: ["": {opset}]>
        net (float[2,3,4,5] x) => (float[2,3,4,5] y) {{ y = MeanVarianceNormalization {axes} (x) }}"""
    )
    center(proto.graph.node, opset)
    assert "MeanVarianceNormalization" not in [node.op_type for node in proto.graph.node]
    onnx.checker.check_model(proto)
    return ReferenceEvaluator(proto).run(None, {"x": x})[0]


@pytest.mark.parametrize("opset", [13, 18])
@pytest.mark.parametrize(("text", "axes"), [("", (0, 2, 3)), ("<axes = [1, 3]>", (1, 3))])
def test_it_is_the_same_normalization(opset: int, text: str, axes: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)
    mean, deviation = (f(x, axis=axes, keepdims=True) for f in (np.mean, np.std))
    np.testing.assert_allclose(centered(opset, text, x), (x - mean) / deviation, atol=1e-5)


def test_equal_values_give_zero_and_no_nan() -> None:
    x = np.full((2, 3, 4, 5), 1000.1, np.float32)
    assert (centered(18, "", x) == 0).all()
