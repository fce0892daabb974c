"""The report of tensors, of networks whose nodes leave optional outputs out."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
from builds import noise
from onnx import helper, numpy_helper

from edgekit.export.from_onnx import from_onnx
from edgekit.export.hop_runner import run_hops, snr_db
from edgekit.graph.model import Model
from edgekit.operators.oracle import Oracle
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.compare import tensor_report
from edgekit.quantize.recipe_file import find_recipe

SIZE = 8
W8A8 = find_recipe("w8a8")
FLOAT = replace(W8A8, tensors={"a": "float32"})  # what a recurrent layer reads
# which of its outputs a layer has; the first of them is read
OUTPUTS = {"LSTM": ("111", "101", "100", "011", "010"), "GRU": ("11", "10", "01"), "RNN": ("01",)}


def constant(name: str, *shape: int) -> onnx.TensorProto:
    random = np.random.default_rng(len(name) + sum(shape))
    return numpy_helper.from_array((random.standard_normal(shape) / 2).astype(np.float32), name)


def network(nodes: list[onnx.NodeProto], constants: list[onnx.TensorProto]) -> Model:
    """From x through a layer to `a`, these nodes, and from `b` through a layer to y, to which `d` or x is added."""
    second = "d" if any("d" in node.output for node in nodes) else "x"
    layers = [
        helper.make_node("MatMul", ["x", "first"], ["a"], name="first"),
        *nodes,
        helper.make_node("MatMul", ["b", "last"], ["z"], name="last"),
        helper.make_node("Add", ["z", second], ["y"], name="sum"),
    ]
    x, y = (helper.make_tensor_value_info(name, 1, [1, 1, SIZE]) for name in "xy")
    weights = [constant("first", SIZE, SIZE), constant("last", SIZE, SIZE), *constants]
    graph = helper.make_graph(layers, "net", [x], [y], weights)
    opsets = [helper.make_opsetid("", 20)]
    file = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    return from_onnx(file.SerializeToString(), name="net")


@pytest.mark.parametrize("recipe", [W8A8, FLOAT], ids=["integers", "float"])
@pytest.mark.parametrize(("kind", "outputs"), [(k, o) for k, v in OUTPUTS.items() for o in v])
def test_outputs_without_a_name_are_no_tensors(kind: str, outputs: str, recipe: object) -> None:
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[kind]
    names = [f"o{i}" if one == "1" else "" for i, one in enumerate(outputs)]
    read = next(name for name in names if name)
    nodes = [
        helper.make_node(kind, ["a", "w", "r"], names, name="layer", hidden_size=SIZE),
        helper.make_node("Reshape", [read, "shape"], ["b"], name="shaped"),
    ]
    weights = [constant("w", 1, gates * SIZE, SIZE), constant("r", 1, gates * SIZE, SIZE)]
    shape = numpy_helper.from_array(np.array([1, 1, SIZE]), "shape")
    model = network(nodes, [*weights, shape])
    quantized = quantize(model, Calibration((noise(model, 40),), "noise"), recipe)  # type: ignore[arg-type]
    rows = [row.name for row in tensor_report(model, quantized, noise(model, 20))]
    assert read in rows and "" not in rows


@pytest.mark.parametrize("outputs", [["l", "", "d"], ["l", "d"], ["l", "unread"]])
def test_statistics_of_a_normalization_that_are_read_leave_it_in_float(outputs: list[str]) -> None:
    nodes = [
        helper.make_node("LayerNormalization", ["a", "s"], outputs, name="norm"),
        helper.make_node("Reshape", ["l", "shape"], ["b"], name="shaped"),
    ]
    shape = numpy_helper.from_array(np.array([1, 1, SIZE]), "shape")
    model = network(nodes, [constant("s", SIZE), shape])
    quantized = quantize(model, Calibration((noise(model, 40),), "noise"), W8A8)
    oracle, inputs = Oracle(quantized), noise(model, 20)
    (norm,) = (node for node in oracle.graph if node.op_type == "LayerNormalization")
    assert (norm.domain == "") is ("d" in outputs)
    assert snr_db(run_hops(model, inputs)["y"], oracle.run_hops(inputs)["y"]) > 20
