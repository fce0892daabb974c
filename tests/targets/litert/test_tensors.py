"""Tensors of a file: constants once, with as many axes as what they meet."""

import pytest

from edgekit.operators.scheme import QuantType
from edgekit.targets.litert.tensors import Tensors, scales_of

pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install ai-edge-litert")


def test_a_number_that_meets_a_tensor_has_its_axes() -> None:
    made = Tensors("net", False, False)
    x = made.graph.tensor("x", (2, 3), "float32")
    made.op("MUL", [x, made.real_constant(2.0)])
    (call,) = made.graph.operators
    assert made.shape(call.inputs[1]) == (1, 1) and made.shape(call.outputs[0]) == (2, 3)
    assert made.graph_array(call.inputs[1]).tolist() == [[2.0]]


def test_the_same_constant_is_stored_once() -> None:
    made = Tensors("net", False, False)
    assert made.ints_constant([1, 2]) == made.ints_constant([1, 2]) != made.ints_constant([2, 1])


def test_integers_of_the_same_type_are_not_requantized() -> None:
    made, kind = Tensors("net", False, False), QuantType("int8", 0.5, 3)
    x = made.graph.tensor("x", (2,), "int8", scales_of(kind))
    assert made.requantized_tensor(x, kind) == x
    wide = made.requantized_tensor(x, QuantType("int16", 0.25, 0))
    assert [call.builtin for call in made.graph.operators] == ["DEQUANTIZE", "QUANTIZE"]
    assert made.graph.tensors[wide].dtype == "int16"
