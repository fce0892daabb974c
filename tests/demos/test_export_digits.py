"""The committed digits.onnx: the network of the committed weights, which are halved where that loses nothing."""

import numpy as np
import onnx
from committed_networks import assert_file_is_network
from onnx import TensorProto, helper, numpy_helper

from edgekit.demos.digits import build
from edgekit.demos.export_digits import KEPT_SIZE, ONNX_FILE, halve

LONGEST = 5_000  # roundings of all layers, one after the other


def test_the_file_computes_what_the_network_does() -> None:
    network, example = build()
    assert_file_is_network(ONNX_FILE, network, tuple(example.values()), LONGEST)


def test_large_weights_that_fit_are_halves_and_others_stay() -> None:
    exact = np.full((KEPT_SIZE + 1,), 0.5, np.float32)
    weights = {"exact": exact, "fine": exact + 1e-6, "small": exact[:KEPT_SIZE]}
    stored = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph([], "g", [], [], initializer=stored)
    halve(graph)
    kinds = {tensor.name: tensor.data_type for tensor in graph.initializer}
    assert kinds == {
        "fine": TensorProto.FLOAT,
        "small": TensorProto.FLOAT,
        "exact.half": TensorProto.FLOAT16,
    }
    (cast,) = graph.node
    assert isinstance(cast, onnx.NodeProto) and cast.output[:] == ["exact"]
