"""Targets refuse what they cannot run: every node at once, with what is allowed and what to do."""

from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import pytest
from builds import float_model, int8_model, noise
from onnx import TensorProto, helper, numpy_helper
from zoo import ZOO

from edgekit.export.from_onnx import from_onnx
from edgekit.graph.model import Model
from edgekit.quantize.apply import quantize
from edgekit.quantize.calibrate.clips import Calibration
from edgekit.quantize.recipe import RECIPES
from edgekit.targets.macs import float_layers, float_operators
from edgekit.verbs.targets import TARGETS

CHECKS = {
    t.check: n for n, t in TARGETS.items() if n != "fpga"
}  # one for each; fpga takes pictures


def imported(
    nodes: list[onnx.NodeProto], shape: list[int], out: list[int], **constants: np.ndarray
) -> Model:
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, out)],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return from_onnx(model.SerializeToString(), name="g")


@pytest.mark.parametrize("target", CHECKS.values())
@pytest.mark.parametrize("name", ZOO)
def test_the_zoo_is_accepted(name: str, target: str) -> None:
    assert TARGETS[target].check(float_model(name)) == []
    assert TARGETS[target].check(int8_model(name)) == []


def test_all_unsupported_operators_are_listed() -> None:
    model = imported(
        [
            helper.make_node("Det", ["x"], ["a"], name="one"),
            helper.make_node("Relu", ["x"], ["b"], name="fine"),
            helper.make_node("Det", ["b"], ["c"], name="two"),
            helper.make_node("Add", ["a", "c"], ["y"], name="sum"),
        ],
        [2, 3, 3],
        [2],
    )
    problems = TARGETS["c99"].check(model)
    assert [p.where for p in problems] == ["Det 'one'", "Det 'two'"]
    assert all(
        "edgekit help operators" in p.allowed and "onnxruntime" in p.next_step for p in problems
    )


@pytest.mark.parametrize(
    ("op_type", "given", "found"),
    [
        ("GRU", {"activations": ["Sigmoid", "Relu"]}, "activations"),
        ("GRU", {"clip": 0.5}, "clip"),
        ("GRU", {"lengths": np.array([2], np.int32)}, "sequence_lens"),
        ("LSTM", {"peepholes": np.ones((1, 6), np.float32)}, "peepholes"),
        ("LSTM", {"input_forget": 1}, "input_forget"),
        ("RNN", {"activations": ["Sigmoid"]}, "activations"),
    ],
)
def test_what_a_recurrent_layer_cannot_do_is_named(
    op_type: str, given: dict[str, Any], found: str
) -> None:
    rows = {"GRU": 6, "LSTM": 8, "RNN": 2}[op_type]
    tensors = {name: value for name, value in given.items() if isinstance(value, np.ndarray)}
    attributes = {name: value for name, value in given.items() if name not in tensors}
    operands = ["x", "w", "r", "", "lengths", "", "", "peepholes"]
    operands = operands[: 8 if op_type == "LSTM" else 6]
    names = [name if name in {"x", "w", "r", *tensors} else "" for name in operands]
    node = helper.make_node(op_type, names, ["", "y"], "n", hidden_size=2, **attributes)
    weights = np.ones((1, rows, 2), np.float32)
    model = imported([node], [3, 1, 2], [1, 1, 2], w=weights, r=weights, **tensors)
    (problem,) = TARGETS["host"].check(model)
    assert problem.where == f"{op_type} 'n'"
    assert found in problem.found


def test_element_types_that_an_operator_cannot_read_are_named() -> None:
    cast = helper.make_node("Cast", ["x"], ["i"], to=TensorProto.INT32, name="whole")
    product = helper.make_node("MatMul", ["i", "w"], ["j"], name="n")
    back = helper.make_node("Cast", ["j"], ["y"], to=TensorProto.FLOAT, name="real")
    weights = np.ones((4, 2), np.int32)
    (problem,) = TARGETS["host"].check(imported([cast, product, back], [1, 4], [1, 2], w=weights))
    assert "INT32" in problem.found
    assert "float32" in problem.allowed


def test_layers_that_stay_in_float_are_named() -> None:
    assert float_layers(int8_model("attention")) == float_operators(int8_model("attention")) == ()
    model = float_model("attention")
    recipe = replace(RECIPES["w8a8"], name="mixed", tensors={"softmax": "float32"})
    mixed = quantize(model, Calibration((noise(model, 60, seed=1),), "noise"), recipe)
    assert float_layers(mixed) == ("MatMul 'node_matmul_1' (192 MACs)",)
    assert float_operators(mixed) == ("Softmax (1)",)
