"""A graph as a .tflite: what nobody reads is dropped, views of tensors that others read are copies."""

import numpy as np
import pytest
from litert_files import run_graph

from edgekit.targets.litert.file import Graph, Signature, options

pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install ai-edge-litert")


def doubled(view: bool) -> tuple[Graph, Signature]:
    """y = x + x, and z, x under another shape."""
    graph = Graph("main")
    spare = graph.constant("spare", np.zeros(3, np.float32))
    x = graph.tensor("x", (2, 3), "float32")
    y, z = graph.tensor("y", (2, 3), "float32"), graph.tensor("z", (6,), "float32")
    assert spare == graph.constant("again", np.zeros(3, np.float32))
    if view:
        shape = graph.constant("shape", np.array([6], np.int32))
        graph.operator("RESHAPE", [x, shape], [z], options("Reshape", newShape=[6]))
    graph.operator("ADD", [x, x], [y], options("Add"))
    graph.inputs, graph.outputs = [x], [y, z] if view else [y]
    return graph, Signature({"x": x}, {"y": y, "z": z} if view else {"y": y})


def test_a_constant_that_no_operator_reads_is_dropped_and_the_rest_is_renumbered() -> None:
    graph, signature = doubled(view=False)
    places = graph.drop_unread()
    assert [tensor.name for tensor in graph.tensors] == ["x", "y", "z"] and graph.data == {}
    renumbered = Signature(
        *({n: places[i] for n, i in side.items()} for side in vars(signature).values())
    )
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.testing.assert_array_equal(run_graph(graph, renumbered, {"x": x})["y"], 2 * x)


def test_a_view_of_what_others_read_is_of_a_copy() -> None:
    graph, signature = doubled(view=True)
    graph.separate_views()
    assert [call.builtin for call in graph.operators] == ["SLICE", "RESHAPE", "ADD"]
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    found = run_graph(graph, signature, {"x": x})
    np.testing.assert_array_equal(found["z"], x.ravel())
    np.testing.assert_array_equal(found["y"], 2 * x)


def test_options_that_the_schema_lacks_are_an_error() -> None:
    with pytest.raises(AssertionError, match=r"Reshape\.shape"):
        options("Reshape", shape=[6])
