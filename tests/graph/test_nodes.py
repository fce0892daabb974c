"""What every pass needs of nodes and values."""

import numpy as np
import onnx_ir as ir
import pytest

from edgekit.graph import nodes

TEXT = """<ir_version: 10, opset_import: ["" : 21]>
g (float[1, 4] x) => (float[1, 4] y) <float[4] half = {0.5, 0.5, 0.5, 0.5}, float[1] unread = {1.0}> {
  a = Mul (x, half)
  b = Tanh (a)
  y = Add (a, b)
}"""


@pytest.fixture
def graph() -> ir.Graph:
    return ir.from_onnx_text(TEXT).graph


def value(graph: ir.Graph, name: str) -> ir.Value:
    return nodes.values_by_name(graph)[name]


def test_values_by_name_are_inputs_and_what_is_computed(graph: ir.Graph) -> None:
    assert set(nodes.values_by_name(graph)) == {"x", "a", "b", "y"}


def test_only_constants_have_an_array(graph: ir.Graph) -> None:
    product = next(iter(graph))
    np.testing.assert_array_equal(nodes.array_of(product.inputs[1]), np.full(4, 0.5, np.float32))
    assert nodes.array_of(product.inputs[0]) is None
    assert nodes.array_of(None) is None


def test_a_value_has_a_sole_user_unless_two_read_it_or_it_is_an_output(graph: ir.Graph) -> None:
    found = {name: nodes.sole_user(v) for name, v in nodes.values_by_name(graph).items()}
    assert {name: node and node.op_type for name, node in found.items()} == {
        "x": "Mul",
        "a": None,
        "b": "Add",
        "y": None,
    }


def test_constants_that_nothing_reads_are_removed(graph: ir.Graph) -> None:
    nodes.remove_unread_constants(graph)
    assert list(graph.initializers) == ["half"]


def test_a_node_is_unread_once_its_readers_are_gone(graph: ir.Graph) -> None:
    product, tanh, total = graph
    assert not any(map(nodes.is_unread, graph))
    assert nodes.is_read(total.outputs[0])
    total.replace_input_with(1, value(graph, "x"))
    assert nodes.is_unread(tanh)
    assert not nodes.is_unread(product)


def test_a_new_constant_gets_a_free_name(graph: ir.Graph) -> None:
    made = [nodes.add_initializer(graph, "half", np.zeros((2, 3), np.int64)) for _ in range(2)]
    assert [v.name for v in made] == ["half_1", "half_2"]
    assert nodes.static_shape(made[0]) == (2, 3)
    assert nodes.nbytes(made[0]) == 48


def test_a_replaced_node_hands_its_name_and_metadata_on(graph: ir.Graph) -> None:
    tanh = value(graph, "b").producer()
    assert tanh is not None
    tanh.metadata_props["edgekit.note"] = "kept"
    new = ir.node("Sigmoid", [tanh.inputs[0]], name="new")
    nodes.replace(graph, tanh, [new])
    assert value(graph, "b").producer() is new
    assert new.metadata_props["edgekit.note"] == "kept"


def test_a_bypassed_node_leaves_the_name_of_the_output() -> None:
    text = """<ir_version: 10, opset_import: ["" : 21]>
    g (float[2] x) => (float[2] y) { a = Tanh (x) y = Identity (a) }"""
    graph = ir.from_onnx_text(text).graph
    copy = list(graph)[1]
    assert nodes.bypass(graph, copy, require(copy.inputs[0]))
    assert [node.op_type for node in graph] == ["Tanh"]
    assert [v.name for v in graph.outputs] == ["y"]


def test_an_input_does_not_become_an_output() -> None:
    text = """<ir_version: 10, opset_import: ["" : 21]>
    g (float[2] x) => (float[2] y) { y = Identity (x) }"""
    graph = ir.from_onnx_text(text).graph
    copy = next(iter(graph))
    assert not nodes.bypass(graph, copy, require(copy.inputs[0]))


def require(v: ir.Value | None) -> ir.Value:
    assert v is not None
    return v


def test_a_stored_array_is_seen_behind_its_scale() -> None:
    text = """<ir_version: 10, opset_import: ["" : 21]>
    g (float[2] x) => (float[2] y) <int8[2] q = {3, -4}, float s = {0.5}> {
      w = DequantizeLinear (q, s)
      y = Mul (x, w)
    }"""
    model = ir.from_onnx_text(text)
    array = nodes.stored_array(list(model.graph)[1].inputs[1])
    np.testing.assert_array_equal(array, np.array([3, -4], np.int8))
