"""A node in training mode is named, whatever its opset writes for that, and the message says model.eval()."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgekit.base.errors import ModelError
from edgekit.export.from_onnx import from_onnx

VECTORS = ("scale", "bias", "mean", "variance")


def network(node: onnx.NodeProto, opset: int, *before: onnx.NodeProto) -> bytes:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4, 8])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    constants = [
        numpy_helper.from_array(np.linspace(0.5, 2, 4, dtype=np.float32), n) for n in VECTORS
    ]
    constants.append(numpy_helper.from_array(np.float32(0.5), "ratio"))
    graph = helper.make_graph([*before, node], "net", [x], [y], constants)
    imports = [helper.make_opsetid("", opset)]
    return bytes(helper.make_model(graph, opset_imports=imports, ir_version=8).SerializeToString())


def batchnorm(outputs: int, **attributes: int) -> onnx.NodeProto:
    names = ["y", *(f"other{n}" for n in range(outputs - 1))]
    return helper.make_node("BatchNormalization", ["x", *VECTORS], names, "norm", **attributes)


def dropout(mode: bool) -> tuple[onnx.NodeProto, onnx.NodeProto]:
    value = numpy_helper.from_array(np.array(mode))
    return (
        helper.make_node("Dropout", ["x", "ratio", "mode"], ["y"], "drop"),
        helper.make_node("Constant", [], ["mode"], value=value),
    )


@pytest.mark.parametrize(
    ("node", "opset"),
    [
        (batchnorm(3, training_mode=1), 21),
        (batchnorm(3, training_mode=1), 15),
        (batchnorm(1, training_mode=1), 15),
        (batchnorm(5), 9),
        (batchnorm(1, is_test=0), 6),
    ],
)
def test_a_batch_normalization_in_training_mode_is_refused(
    node: onnx.NodeProto, opset: int
) -> None:
    with pytest.raises(
        ModelError, match=r"BatchNormalization 'norm': in training.*model\.eval\(\)"
    ):
        from_onnx(network(node, opset), name="net")


@pytest.mark.parametrize("opset", [13, 21])
def test_a_dropout_in_training_mode_is_refused(opset: int) -> None:
    with pytest.raises(ModelError, match=r"Dropout 'drop': in training mode.*model\.eval\(\)"):
        from_onnx(network(*dropout(True)[:1], opset, dropout(True)[1]), name="net")


def test_an_old_dropout_in_training_mode_is_refused() -> None:
    node = helper.make_node("Dropout", ["x"], ["y"], "drop", is_test=0)
    with pytest.raises(ModelError, match=r"Dropout 'drop': in training mode.*model\.eval\(\)"):
        from_onnx(network(node, 6), name="net")


@pytest.mark.parametrize(
    ("node", "opset"), [(batchnorm(1), 11), (batchnorm(1, training_mode=0), 15)]
)
def test_inference_is_taken(node: onnx.NodeProto, opset: int) -> None:
    assert from_onnx(network(node, opset), name="net").stream_outputs


def test_a_dropout_of_inference_is_taken() -> None:
    node, constant = dropout(False)
    assert from_onnx(network(node, 13, constant), name="net").stream_outputs
