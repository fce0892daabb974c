"""Matrix products: which become a fully connected layer, and what a Gemm must be."""

import numpy as np
import onnx_ir as ir
import pytest
from one_node import build, hop, network

from edgekit.targets.c.emit.linear import check_gemm

W = np.ones((6, 4), np.float32)


def test_a_product_with_constants_is_a_fully_connected_layer() -> None:
    model = network("float[2,6] x", "float[2,4] y", "y = MatMul (x, w)", w=W)
    assert "ek_fc_f32.c" in build(model).files
    assert build(model).manifest.macs_float == 2 * 6 * 4


def test_a_product_of_two_signals_is_none() -> None:
    model = network("float[2,6] x, float[6,4] z", "float[2,4] y", "y = MatMul (x, z)")
    assert "ek_fc_f32" not in hop(model) and "v_z" in hop(model)


@pytest.mark.parametrize(
    ("attributes", "rows", "found"),
    [
        ("alpha = 2.0", 1, ["alpha, beta or transA"]),
        ("transA = 1", 1, ["alpha, beta or transA"]),
        ("beta = 1.0", 2, ["bias (2, 4)"]),
        ("beta = 1.0", 1, []),
    ],
)
def test_a_gemm_that_the_kernel_does_not_compute_is_refused(
    attributes: str, rows: int, found: list[str]
) -> None:
    text = f"""<ir_version: 10, opset_import: ["": 21]>
net (float[2,2] x) => (float[2,4] y) {{ y = Gemm <{attributes}> (x, w, b) }}"""
    graph = ir.from_onnx_text(text).graph
    (node,) = graph
    for name, value, shape in zip("wb", node.inputs[1:], ((2, 4), (rows, 4)), strict=True):
        assert value is not None
        value.const_value = ir.tensor(np.ones(shape, np.float32), name=name)
        value.shape = ir.Shape(shape)
    assert [problem.found for problem in check_gemm(node)] == found
