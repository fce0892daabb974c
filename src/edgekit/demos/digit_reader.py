"""The bundled digit classifier as an ONNX network, which needs no torch, and the Frechet distance of its features."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edgekit.base.arrays import Array, Float32, Float64
from edgekit.base.npz import read_npz
from edgekit.demos.data_wheel import require_data
from edgekit.export.hop_runner import in_onnxruntime

WEIGHTS = Path(__file__).with_name("digit_classifier.npz")
OPSET, IR = 18, 10
Layer = tuple[str, str, dict[str, Any]]  # operator, its weights' name, its attributes


def _convolution(weights: str, **attributes: Any) -> list[Layer]:
    return [("Conv", weights, {"pads": [1, 1, 1, 1], **attributes}), ("Relu", "", {})]


def _dense(weights: str) -> Layer:
    return ("Gemm", weights, {"transB": 1})


HALVED: Layer = ("MaxPool", "", {"kernel_shape": [2, 2], "strides": [2, 2]})
LAYERS: tuple[Layer, ...] = (
    *_convolution("layers.0"),
    HALVED,
    *_convolution("layers.3"),
    HALVED,
    *_convolution("layers.6", strides=[2, 2]),
    ("Flatten", "", {}),
    _dense("layers.9"),
    ("Relu", "", {}),
    _dense("last"),
)


def classifier() -> onnx.ModelProto:
    """Return the network: picture (n, 1, 28, 28) in [-1, 1] -> features (n, 64) and logits (n, 10)."""
    require_data(WEIGHTS)
    stored = {name: array.astype(np.float32) for name, array in read_npz(WEIGHTS).items()}
    value, nodes = "picture", list[onnx.NodeProto]()
    for number, (operator, name, attributes) in enumerate(LAYERS):
        weights = [f"{name}.weight", f"{name}.bias"] if name else []
        found = {len(LAYERS) - 1: "logits", len(LAYERS) - 2: "features"}.get(number, f"h{number}")
        nodes.append(helper.make_node(operator, [value, *weights], [found], **attributes))
        value = found
    values: dict[str, list[str | int | None]] = {
        "picture": ["n", 1, 28, 28],
        "features": ["n", 64],
        "logits": ["n", 10],
    }
    infos = {
        k: helper.make_tensor_value_info(k, onnx.TensorProto.FLOAT, v) for k, v in values.items()
    }
    picture, *outputs = infos.values()
    tensors = [numpy_helper.from_array(array, name) for name, array in stored.items()]
    graph = helper.make_graph(nodes, "digit_classifier", [picture], outputs, tensors)
    opset = [helper.make_opsetid("", OPSET)]
    return helper.make_model(graph, opset_imports=opset, ir_version=IR)


def reader() -> Callable[[Float32], dict[str, Float32]]:
    """Return what reads pictures (n, 1, 28, 28): their features and logits."""
    running = in_onnxruntime(classifier().SerializeToString())

    def read(pictures: Float32) -> dict[str, Float32]:
        found = running({"picture": np.clip(pictures, -1, 1).astype(np.float32)})
        return {name: np.array(array, np.float32) for name, array in found.items()}

    return read


def margin(logits: Float32, labels: Array) -> Float32:
    """Return how far the logit of each label is above the highest other one, (n,); above 0 it is read as the label."""
    rows = np.arange(len(logits))
    own, others = logits[rows, labels], logits.copy()
    others[rows, labels] = -np.inf
    return np.asarray(own - others.max(axis=1), np.float32)


def frechet(a: Float64, b: Float64) -> float:
    """The Frechet distance of two sets of features as Gaussians: Heusel et al. (2017), equation 6.

    ``|mean_a - mean_b|^2 + trace(A + B - 2 (A B)^1/2)``. It depends on the number of samples: compare equal numbers.

    Args:
        a: (n, features), n from 2 up.
        b: (m, features).
    """
    mean = a.mean(0) - b.mean(0)
    cov_a, cov_b = (np.cov(f, rowvar=False) for f in (a, b))
    values, vectors = np.linalg.eigh(cov_a)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    # A B and root B root have the same eigenvalues
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ cov_b @ root), 0)).sum()
    return float(mean @ mean + np.trace(cov_a) + np.trace(cov_b) - 2 * shared)
