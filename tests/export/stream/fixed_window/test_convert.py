"""What cannot be a window, and axes that count from the back."""

import pytest
from onnx_texts import accumulating
from window_networks import ROWS, window_model

from edgekit.base.errors import ModelError
from edgekit.export.stream.fixed_window.convert import stream_window

TEXT = ROWS["convolutions"].text


@pytest.mark.parametrize(
    ("axes", "hop", "found"),
    [
        ({"z": 2}, 1, "z:2: not an axis of an input"),
        ({"x": 3}, 1, "x:3: not an axis of an input"),
        ({"x": 2}, 13, "--hop: 13"),
        ({"x": 2}, 0, "--hop: 0"),
    ],
)
def test_what_is_no_window_is_refused(axes: dict[str, int], hop: int, found: str) -> None:
    with pytest.raises(ModelError, match=found):
        stream_window(window_model(TEXT), axes, hop)


def test_a_network_with_states_is_a_stream_as_it_is() -> None:
    model = accumulating()
    with pytest.raises(ModelError, match="with states: s"):
        stream_window(model, {"x": 1}, 1)


def test_windows_have_one_length() -> None:
    text = "(float[1,4,12] x, float[1,4,6] z) => (float[1,4,12] y, float[1,4,6] v) { y = Relu (x) v = Relu (z) }"
    with pytest.raises(ModelError, match="windows of"):
        stream_window(window_model(text), {"x": 2, "z": 2}, 1)


def test_an_axis_counts_from_the_back_too() -> None:
    made = stream_window(window_model(TEXT), {"x": -1})
    assert made.stream.hop_samples == 1 and len(made.states) == 3
