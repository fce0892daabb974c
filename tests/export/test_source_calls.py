"""Sources are called with inputs longer than those of their import."""

import numpy as np
import pytest
from onnx_texts import network

from edgekit.base.errors import ModelError
from edgekit.export.from_onnx import from_onnx
from edgekit.export.source_calls import fixed_axes, graph_call, onnx_call, open_axes

TEXT = "(float[1,T] x, float k) => (float[1,T] y) { s = CumSum (x, axis) y = Mul (s, k) }"


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "net.onnx"
    path.write_bytes(network(TEXT, axis=np.array(1)).SerializeToString())
    return str(path)


def test_any_length_runs_with_constants_bound(source: str) -> None:
    model = from_onnx(source, name="net", shapes={"x": (1, 4)}, constants={"k": 2.0})
    x = np.arange(7, dtype=np.float32)[None]
    for call in (onnx_call(source, model, {}, {"k": 2.0}), graph_call(model)):
        np.testing.assert_array_equal(call({"x": x})["y"], 2 * np.cumsum(x, 1))


def test_sizes_that_nodes_hold_do_not_run(tmp_path) -> None:
    text = "(float[1,4] x) => (float[2,2] y) { y = Reshape (x, dims) }"
    data = network(text, dims=np.array([2, 2])).SerializeToString()
    call = graph_call(from_onnx(data, name="net"))
    assert call({"x": np.zeros((1, 4), np.float32)})["y"].shape == (2, 2)
    with pytest.raises(ModelError, match="onnxruntime fails"):
        call({"x": np.zeros((1, 6), np.float32)})


def test_open_axes_are_those_without_a_size(source: str) -> None:
    assert open_axes(source, {}) == {"x": {1}, "k": set()}
    assert fixed_axes(source)["x"] == {0}
