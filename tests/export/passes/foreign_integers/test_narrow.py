"""Weights around any zero point become int8 around zero, exactly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quantizer_networks import F32, draw, imported, onnxruntime_runs, parse

from edgekit.operators.oracle import Oracle
from edgekit.targets.macs import float_layers

LAYERS = {
    "Conv": ("z = Conv <group = 2> (xd, wd)", (6, 2, 3), (1, 4, 9), (1, 6, 7)),
    "depthwise": ("z = Conv <group = 4> (xd, wd)", (4, 1, 3), (1, 4, 9), (1, 4, 7)),
    "ConvTranspose": ("z = ConvTranspose <group = 2> (xd, wd)", (4, 3, 3), (1, 4, 9), (1, 6, 11)),
    "Gemm": ("z = Gemm <transB = 1> (xd, wd)", (5, 7), (1, 7), (1, 5)),
    "MatMul": ("z = MatMul (xd, wd)", (7, 5), (2, 3, 7), (2, 3, 5)),
}


@pytest.mark.rows(2)
@pytest.mark.parametrize("name", LAYERS)
@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), zero=st.sampled_from([0, 1, 100, 127, 128, 255]))
def test_weights_around_any_zero_point_are_exact(name: str, seed: int, zero: int) -> None:
    line, shape, data, result = LAYERS[name]
    weights = np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)
    sizes = ["[" + ",".join(map(str, dims)) + "]" for dims in (data, result)]
    proto = parse(
        f"""(float{sizes[0]} x) => (float{sizes[1]} y) {{
          xq = QuantizeLinear (x, xs, xz)
          xd = DequantizeLinear (xq, xs, xz)
          wd = DequantizeLinear (w, ws, wz)
          {line}
          zq = QuantizeLinear (z, ys, yz)
          y = DequantizeLinear (zq, ys, yz) }}""",
        w=weights,
        ws=F32(0.01),
        wz=np.uint8(zero),
    )
    model = imported(proto)
    assert float_layers(model) == ()
    for value in model.ir.graph.initializers.values():
        if value.dtype.name == "INT8" and value.const_value.size > 1:
            assert np.abs(value.const_value.numpy().astype(int)).max() <= 127
    inputs = draw(model)
    steps = np.rint((Oracle(model).run_hops(inputs)["y"] - onnxruntime_runs(proto, inputs)) / 0.04)
    assert np.abs(steps).max() <= 1
    assert np.count_nonzero(steps) <= 0.02 * steps.size
