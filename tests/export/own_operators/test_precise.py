"""Sigmoid and DFT, by which other results are judged, are exact in onnxruntime."""

import numpy as np
import onnx
import pytest

from edgekit.export.hop_runner import in_onnxruntime


def test_the_exact_sigmoid_is_exact_in_every_graph():
    proto = onnx.parser.parse_model(
        """<ir_version: 10, opset_import: ["": 21, "mine": 1]>
        net (float[9] x, bool c) => (float[9] y) {
          q = Concat <axis = 0> (x, x)
          p = Slice (q, first, last)
          s = mine.Same (p)
          y = If (c) <
            then_branch = a () => (float[9] t) { t = Sigmoid (x) },
            else_branch = b () => (float[9] e) { e = Identity (s) }
          >
        }
        <domain: "mine", opset_import: ["": 21]> Same (a) => (b) { b = Sigmoid (a) }"""
    )
    for name, place in (("first", 9), ("last", 18)):
        proto.graph.initializer.append(onnx.numpy_helper.from_array(np.array([place]), name))
    running = in_onnxruntime(proto.SerializeToString())
    x = np.array([-87, -60, -20, -1, 0, 1, 20, 60, 100], np.float32)
    exact = 1 / (1 + np.exp(-x.astype(np.float64)))
    for choice in (True, False):
        (y,) = running({"x": x, "c": np.array(choice)}).values()
        np.testing.assert_allclose(y, exact, rtol=1e-5)


@pytest.mark.parametrize("size", [6, 480, 960])
@pytest.mark.parametrize(
    ("parts", "inverse", "onesided"), [(1, 0, 0), (1, 0, 1), (2, 0, 0), (1, 1, 0), (2, 1, 0)]
)
def test_a_transform_of_any_length_is_exact(size, parts, inverse, onesided):
    bins = size // 2 + 1 if onesided else size
    proto = onnx.parser.parse_model(
        f"""<ir_version: 10, opset_import: ["": 21]>
        net (float[3,{size},{parts}] x) => (float[3,{bins},2] y) <int64 axis = {{1}}> {{
          s = DFT <inverse = {inverse}, onesided = {onesided}> (x, , axis)
          y = Identity (s)
        }}"""
    )
    x = np.random.default_rng(0).standard_normal((3, size, parts)).astype(np.float32)
    (y,) = in_onnxruntime(proto.SerializeToString())({"x": x}).values()
    whole = x[..., 0] + (1j * x[..., 1] if parts == 2 else 0)
    exact = (np.fft.ifft if inverse else np.fft.fft)(whole, axis=1)[:, :bins]
    assert np.abs(y[..., 0] + 1j * y[..., 1] - exact).max() < 1e-6 * np.abs(exact).max()
