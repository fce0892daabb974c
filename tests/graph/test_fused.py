"""The operators that a quantizer makes of several compute what their names say, in onnxruntime."""

import numpy as np
import onnx
import onnx.parser
import onnx_ir as ir
import onnxruntime as ort
import pytest

from edgekit.graph.fused import FUSED_BODIES, is_fused
from edgekit.graph.model import FRONTEND_DOMAIN, OPSET

A, B, C, D = np.random.default_rng(0).standard_normal((4, 2, 3)).astype(np.float32)
CASES = {
    "Magnitude": ("a, b", "epsilon = 0.5", np.sqrt(A * A + B * B + np.float32(0.5))),
    "MeanSquare": ("a", "axes = [1], keepdims = 0", (A * A).mean(1)),
    "ProductSum": ("a, b, c, d", "sign = -1.0", A * B - C * D),
}


@pytest.mark.parametrize("name", FUSED_BODIES)
def test_a_body_is_the_function(name: str) -> None:
    operands, attributes, wanted = CASES[name]
    shape = ", ".join(map(str, wanted.shape))
    imports = f'opset_import: ["" : {OPSET}, "{FRONTEND_DOMAIN}" : 1]'
    text = f"""<ir_version: 10, {imports}>
    g (float[2, 3] a, float[2, 3] b, float[2, 3] c, float[2, 3] d) => (float[{shape}] y) {{
      y = {FRONTEND_DOMAIN}.{name} <{attributes}> ({operands})
    }}
    <domain: "{FRONTEND_DOMAIN}", opset_import: ["" : {OPSET}]>{FUSED_BODIES[name]}"""
    proto = onnx.parser.parse_model(text)
    session = ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    found = session.run(None, {"a": A, "b": B, "c": C, "d": D})[0]
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)
    assert is_fused(ir.from_proto(proto).graph[0])


def test_an_operator_of_the_standard_is_not_one_of_them() -> None:
    assert not is_fused(ir.node("ProductSum", []))
