"""What writes nodes of a front end into the graph of a network."""

import onnx_ir as ir

from edgekit.export.frontend.writer import FrontendWriter
from edgekit.graph.model import FLOAT_NODE
from edgekit.graph.nodes import static_shape


def graph() -> ir.Graph:
    x = ir.val("x", ir.DataType.FLOAT, (1, 4))
    node = ir.node("Neg", [x], name="negate")
    node.outputs[0].name, node.outputs[0].shape = "pcm", x.shape
    return ir.Graph([x], node.outputs, nodes=[node], opset_imports={"": 21}, name="g")


def test_nodes_wait_until_they_are_taken_and_stay_in_float() -> None:
    writer = FrontendWriter(graph())
    (cut,) = [writer.slice(writer.graph.inputs[0], "part", 1, 1, 3)]
    assert (cut.name, static_shape(cut)) == ("frontend/part", (1, 2))
    (node,) = writer.take()
    assert node.op_type == "Slice" and node.metadata_props[FLOAT_NODE] == "1"
    assert writer.take() == []


def test_what_changes_nothing_is_not_written() -> None:
    writer = FrontendWriter(graph())
    (x,) = writer.graph.inputs
    assert writer.reshape(x, "same", (1, 4)) is x
    assert writer.transpose(x, [0, 1], "still") is x
    assert static_shape(writer.transpose(x, [1, 0], "turned")) == (4, 1)


def test_a_state_is_an_input_and_the_output_that_follows_it() -> None:
    writer = FrontendWriter(graph())
    state = writer.state("stft_history", (1, 4))
    writer.follow(state, writer.graph.outputs[0])
    (pair,) = writer.states
    assert (pair.input, pair.output) == ("stft_history", "stft_history_next")
    assert state in list(writer.graph.inputs)


def test_writers_under_a_name_share_nodes() -> None:
    writer = FrontendWriter(graph())
    (x,) = writer.graph.inputs
    assert writer.under("ears").reshape(x, "flat", (4,)).name == "frontend/ears/flat"
    assert len(writer.take()) == 1
