"""Operators with quantization inside run as the float operator between quantizers."""

import numpy as np
import pytest
from devices import needs_vnni
from quantizer_networks import (
    F32,
    GRIDS,
    MICROSOFT,
    WEIGHTS,
    draw,
    imported,
    integers,
    onnxruntime_runs,
    parse,
)

from edgekit.operators.oracle import Oracle
from edgekit.operators.to_integer import to_integer

# fused operators: (text of the network, opset domains)
FUSED = {
    "QLinearConv": """(float[1,4,6,8] x) => (float[1,5,6,8] y) {
        xq = QuantizeLinear (x, xs, xz)
        zq = QLinearConv <pads = [1, 1, 1, 1]> (xq, xs, xz, w, ws, wz, ys, yz, b)
        y = DequantizeLinear (zq, ys, yz) }""",
    "QLinearMatMul": """(float[1,7,4] x) => (float[1,7,5] y) {
        xq = QuantizeLinear (x, xs, xz)
        zq = QLinearMatMul (xq, xs, xz, m, ms, mz, ys, yz)
        y = DequantizeLinear (zq, ys, yz) }""",
    "QGemm": """(float[1,4] x) => (float[1,5] y) {
        xq = QuantizeLinear (x, xs, xz)
        zq = com.microsoft.QGemm (xq, xs, xz, m, ms, mz, mb, ys, yz)
        y = DequantizeLinear (zq, ys, yz) }""",
    "QGemm to float": """(float[1,4] x) => (float[1,5] y) {
        xq = QuantizeLinear (x, xs, xz)
        y = com.microsoft.QGemm (xq, xs, xz, m, ms, mz, mb) }""",
    "QLinearAdd": """(float[1,4,6,8] x) => (float[1,4,6,8] y) {
        xq = QuantizeLinear (x, xs, xz)
        zq = com.microsoft.QLinearAdd (xq, xs, xz, c, cs, cz, ys, yz)
        y = DequantizeLinear (zq, ys, yz) }""",
    "QLinearMul": """(float[1,4,6,8] x) => (float[1,4,6,8] y) {
        xq = QuantizeLinear (x, xs, xz)
        zq = com.microsoft.QLinearMul (xq, xs, xz, c, cs, cz, ys, yz)
        y = DequantizeLinear (zq, ys, yz) }""",
    "QLinearConcat": """(float[1,4,6,8] x) => (float[1,8,6,8] y) {
        xq = QuantizeLinear (x, xs, xz)
        zq = com.microsoft.QLinearConcat <axis = 1> (ys, yz, xq, xs, xz, xq, xs, xz)
        y = DequantizeLinear (zq, ys, yz) }""",
    "moves of integers": """(float[1,4,6,8] x) => (float[1,3,4,4] y) {
        xq = QuantizeLinear (x, xs, xz)
        t = Transpose <perm = [0, 2, 1, 3]> (xq)
        p = MaxPool <kernel_shape = [1, 2], strides = [2, 2]> (t)
        y = DequantizeLinear (p, xs, xz) }""",
    **{
        f"QLinear{name}": f"""(float[1,4,6,8] x) => (float[1,4,{size}] y) {{
        xq = QuantizeLinear (x, xs, xz)
        zq = com.microsoft.QLinear{name} {attributes} (xq, xs, xz, ys, yz)
        y = DequantizeLinear (zq, ys, yz) }}"""
        for name, attributes, size in (
            ("Sigmoid", "", "6,8"),
            ("LeakyRelu", "<alpha = 0.3>", "6,8"),
            ("AveragePool", "<kernel_shape = [2, 3]>", "5,6"),
            ("GlobalAveragePool", "", "1,1"),
        )
    },
}


MATRIX = {
    "m": integers(4, 5),
    "ms": F32(0.01),
    "mz": np.int8(0),
    "mb": integers(5, dtype=np.int32, low=-3000, high=3000),
}


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=needs_vnni if n == "QLinearMatMul" else ()) for n in FUSED],
)
def test_each_fused_operator_is_within_one_step_of_onnxruntime(name: str) -> None:
    proto = parse(FUSED[name], MICROSOFT, **WEIGHTS | MATRIX)
    model = imported(proto)
    assert {node.domain for node in model.ir.graph} == {""}
    inputs = draw(model)
    found = Oracle(model).run_hops(inputs)["y"]
    steps = np.rint((found - onnxruntime_runs(proto, inputs)) / GRIDS["ys"])
    assert np.abs(steps).max() <= 1
    assert np.count_nonzero(steps) <= 0.02 * steps.size
    graph = to_integer(model).ir.graph
    if name != "QGemm to float":
        assert {n.op_type for n in graph if n.outputs[0].dtype.name == "FLOAT"} == {"Dequantize"}
