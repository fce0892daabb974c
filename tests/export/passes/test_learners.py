"""The linear operators that skl2onnx writes; each import is compared with onnxruntime on the file itself."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx_texts import problems

from edgekit.export.from_onnx import from_onnx

ML = "ai.onnx.ml"
COEFFICIENTS = [0.5, -1.0, 2.0, -0.5, 1.0, -2.0, 0.25, 0.0, 1.5]


def learner(op_type: str, outputs: int = 1, **attributes: object) -> onnx.ModelProto:
    """A network of one operator on three features."""
    names = ["y", "scores"][:outputs]
    node = helper.make_node(op_type, ["x"], names, domain=ML, **attributes)
    kinds = [TensorProto.INT64, TensorProto.FLOAT][-outputs:]
    made = [helper.make_tensor_value_info(*pair, None) for pair in zip(names, kinds, strict=True)]
    return network_of([node], made)


def network_of(
    nodes: list[onnx.NodeProto], outputs: list[onnx.ValueInfoProto], **weights: np.ndarray
) -> onnx.ModelProto:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 3])
    arrays = [onnx.numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "net", [x], outputs, arrays)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(ML, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def imported(proto: onnx.ModelProto, rows: int = 4) -> list[str]:
    model = from_onnx(proto.SerializeToString(), name="net", shapes={"x": (rows, 3)})
    return [node.op_type for node in model.ir.graph]


@pytest.mark.parametrize("count", [1, 3])
def test_a_scaler_subtracts_and_multiplies(count: int) -> None:
    proto = learner("Scaler", offset=[1.0, 2.0, 3.0][:count], scale=[2.0, 0.5, 4.0][:count])
    assert imported(proto)[-1] == "Mul"


@pytest.mark.parametrize("norm", ["L1", "L2"])
def test_a_normalizer_divides_each_row_by_its_size(norm: str) -> None:
    assert f"Reduce{norm}" in imported(learner("Normalizer", norm=norm))


@pytest.mark.parametrize("targets", [1, 3])
def test_a_regressor_is_a_product(targets: int) -> None:
    coefficients, intercepts = COEFFICIENTS[: 3 * targets], [0.1, 0.2, -0.3][:targets]
    proto = learner(
        "LinearRegressor", coefficients=coefficients, intercepts=intercepts, targets=targets
    )
    assert imported(proto)[0] in ("MatMul", "Gemm")


@pytest.mark.parametrize("post_transform", ["NONE", "LOGISTIC", "SOFTMAX"])
@pytest.mark.parametrize("classes", [2, 3])
def test_a_classifier_gives_labels_and_scores(classes: int, post_transform: str) -> None:
    proto = learner(
        "LinearClassifier",
        2,
        coefficients=COEFFICIENTS[: 3 * classes],
        intercepts=[0.1, 0.2, -0.3][:classes],
        classlabels_ints=[5, 7, 9][:classes],
        post_transform=post_transform,
    )
    assert "ArgMax" in imported(proto)


@pytest.mark.parametrize("post_transform", ["NONE", "LOGISTIC"])
def test_one_row_of_coefficients_decides_between_two_classes(post_transform: str) -> None:
    proto = learner(
        "LinearClassifier",
        2,
        coefficients=COEFFICIENTS[:3],
        intercepts=[0.1],
        classlabels_ints=[5, 7],
        post_transform=post_transform,
    )
    assert "Greater" in imported(proto)


def test_features_are_taken_by_column_of_rows_and_of_a_vector() -> None:
    nodes = [
        helper.make_node("ArrayFeatureExtractor", ["x", "columns"], ["y"], domain=ML),
        helper.make_node("ArgMax", ["x"], ["best"], axis=1),
        helper.make_node("ArrayFeatureExtractor", ["labels", "best"], ["label"], domain=ML),
    ]
    outputs = [
        helper.make_tensor_value_info("y", TensorProto.FLOAT, None),
        helper.make_tensor_value_info("label", TensorProto.INT64, None),
    ]
    proto = network_of(
        nodes, outputs, columns=np.array([2, 0]), labels=np.array([5, 7, 9], np.int64)
    )
    assert imported(proto).count("Gather") == 2


@pytest.mark.parametrize(
    "proto",
    [
        learner("Normalizer", norm="MAX"),
        learner("LinearRegressor", coefficients=[1.0, 2.0, 3.0], post_transform="PROBIT"),
        learner("Scaler", offset=[1.0]),
        learner(
            "LinearClassifier",
            2,
            coefficients=[1.0, 2.0, 3.0],
            intercepts=[0.1],
            classlabels_ints=[5, 7],
            post_transform="SOFTMAX",
        ),
        learner("Binarizer", threshold=0.5),
    ],
    ids=["maximum", "probit", "offset alone", "softmax of one row", "binarizer"],
)
def test_other_learners_are_refused_by_name(proto: onnx.ModelProto) -> None:
    (problem,) = problems(proto, shapes={"x": (4, 3)})
    assert problem.found == f"operator of domain '{ML}'"
    assert "train an MLP" in problem.next_step
