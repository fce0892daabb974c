"""The proof of a window: integers in all bits, floats to 1e-5, and what is another network."""

from pathlib import Path

import onnx_ir as ir
import pytest
from window_networks import ROWS, window_model

from edgekit.base.errors import VerificationError
from edgekit.export.stream.fixed_window.convert import stream_window
from edgekit.graph.model import Model
from edgekit.graph.nodes import array_of, static_shape
from edgekit.judge.fixed_window import prove_window

TEXT, AXES = ROWS["convolutions"].text, {"x": 2}


def test_another_network_is_refused() -> None:
    other = stream_window(window_model(TEXT.replace("Relu", "Tanh")), AXES)
    with pytest.raises(VerificationError, match="not the same network"):
        prove_window(window_model(TEXT), other, AXES)


def test_hops_of_an_int8_tflite_are_its_window_in_all_bits(tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert: pip install ai-edge-litert")
    from tflite_graphs import GRAPHS, compared, file_of

    file = tmp_path / "model.tflite"
    file.write_bytes(file_of(GRAPHS["window_int8"].make()))
    window, notes = compared(file, "net")
    assert "72 of 72 values equal" in notes[0]
    made = stream_window(window, {"x": 1})
    note = prove_window(window, made, {"x": 1})
    assert "72 of 72 values over 24 windows are equal, with 128 of 456 products" in note
    shapes = [static_shape(value) for value in made.ir.graph.inputs]
    assert shapes == [(1, 1, 1, 4), (1, 4, 2, 1), (1, 4, 1, 1), (1, 5, 1, 4)]
    with pytest.raises(VerificationError, match="values differ"):
        prove_window(window, _shifted(made), {"x": 1})


def _shifted(model: Model) -> Model:
    """A network whose dense layer has another bias."""
    found = Model.from_bytes(model.to_bytes())
    constants = found.ir.graph.initializers.values()
    bias = next(v for v in constants if v.name.startswith("b_") and static_shape(v) == (3,))
    bias.const_value = ir.Tensor(array_of(bias) + 700, name=bias.name)
    return found
