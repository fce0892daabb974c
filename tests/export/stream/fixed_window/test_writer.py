"""What a hop holds of each tensor of a window: its newest frames, states of older ones, and constants."""

import onnx_ir as ir
from window_networks import ROWS, window_model

from edgekit.export.stream.fixed_window.writer import WindowWriter, grid_of


def test_one_state_holds_what_two_layers_read_of_a_tensor() -> None:
    model = window_model(ROWS["convolutions"].text)
    value = model.ir.graph.inputs[0]
    writer = WindowWriter(1, dict(model.ir.graph.opset_imports))
    writer.add_input(value, 2)
    assert writer.frames(value, 3) is writer.frames(value, 3)
    assert [str(pair.input) for pair in writer.new.states] == ["x.state"]
    assert writer.frames(value, 1) is writer.newest[value].value


def test_tensors_that_follow_from_constants_are_fixed() -> None:
    model = window_model(ROWS["convolutions"].text)
    weight = next(iter(model.ir.graph.initializers.values()))
    writer = WindowWriter(1, dict(model.ir.graph.opset_imports))
    node = ir.node("Neg", [weight])
    writer.copy_whole(node)
    assert writer.is_fixed(node.outputs[0]) and not writer.is_fixed(model.ir.graph.inputs[0])


def test_floats_have_no_grid() -> None:
    assert grid_of(window_model(ROWS["convolutions"].text).ir.graph.outputs[0]) == []
