"""The body of the audio front end in ONNX has the bits of its twin."""

import numpy as np
import onnx
import onnx.parser
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgekit.base.micro_tables import band_matrix, window_table
from edgekit.export.own_operators.micro_body import MICRO_BODY
from edgekit.operators.spectral.micro_twin import ek_micro_frontend

OPSETS = [helper.make_opsetid("", 21), helper.make_opsetid("edgekit", 1)]
FUNCTION = onnx.parser.parse_function('<domain: "edgekit", opset_import: ["": 21]>' + MICRO_BODY)


@pytest.mark.parametrize(("length", "step", "bands"), [(480, 160, 40), (512, 320, 17)])
def test_the_body_is_the_twin(length: int, step: int, bands: int) -> None:
    shapes = {
        "history": (TensorProto.INT16, [1, length - step]),
        "noise": (TensorProto.INT32, [bands]),
    }
    pcm = helper.make_tensor_value_info("pcm", TensorProto.FLOAT, [1, step])
    inputs = [pcm, *(helper.make_tensor_value_info(n, *row) for n, row in shapes.items())]
    features = helper.make_tensor_value_info("features", TensorProto.INT32, [1, bands])
    outputs = [
        features,
        *(helper.make_tensor_value_info(f"next_{n}", *row) for n, row in shapes.items()),
    ]
    window, matrix = window_table(length), band_matrix(bands)
    tables = [numpy_helper.from_array(window.astype(np.int16), "window")]
    tables.append(numpy_helper.from_array(matrix.astype(np.int16), "matrix"))
    names = [value.name for value in (*inputs, *tables)]
    node = helper.make_node("MicroFrontend", names, [v.name for v in outputs], domain="edgekit")
    graph = helper.make_graph([node], "net", inputs, outputs, tables)
    model = helper.make_model(graph, opset_imports=OPSETS, functions=[FUNCTION], ir_version=10)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    history, noise = np.zeros((1, length - step), np.int16), np.zeros(bands, np.int32)
    rng = np.random.default_rng(1)
    for frame in range(40):
        sound = (rng.standard_normal((1, step)) * 10 ** rng.uniform(-5, 0.5)).astype(np.float32)
        if frame == 5:
            sound[0, :3] = np.nan, np.inf, -(2.0**20)
        feed = {"pcm": sound, "history": history, "noise": noise}
        row, following, estimate = session.run(None, feed)
        expected = ek_micro_frontend(sound[0], history[0], noise, window, matrix)
        np.testing.assert_array_equal(row[0], expected[0])
        np.testing.assert_array_equal(following[0], expected[1])
        np.testing.assert_array_equal(estimate, expected[2])
        history, noise = following, estimate
