"""What the shape of an input or output says of spectra, bins and samples."""

import onnx_ir as ir
import pytest

from edgekit.export.frontend.layout import layout_of
from edgekit.export.frontend.spec import parse_spec


def value(*shape: int) -> ir.Value:
    return ir.val("x", ir.DataType.FLOAT, shape)


@pytest.mark.parametrize(
    ("shape", "text", "frames", "content", "order"),
    [
        ((1, 33), "stft:64:32:hann", 1, "bins", (0, 1)),
        ((33, 1, 2), "stft:64:32:hann", 1, "spectrum", (0, 1, 2)),
        ((2, 33), "stft:64:32:hann", 1, "spectrum", (0, 2, 1)),
        ((1, 33, 3), "stft:64:32:hann:mag", 3, "bins", (1, 0)),
        ((1, 64), "frame:64:32", 1, "frame", ()),
    ],
)
def test_a_shape_tells_what_it_holds(
    shape: tuple[int, ...], text: str, frames: int, content: str, order: tuple[int, ...]
) -> None:
    found = layout_of(value(*shape), parse_spec(text), frames)
    assert found is not None
    assert (found.content, found.order) == (content, order)


def test_other_shapes_are_nothing_that_is_known() -> None:
    assert layout_of(value(1, 32), parse_spec("stft:64:32:hann")) is None
    assert layout_of(value(33, 2), parse_spec("stft:64:32:hann:mag")) is None
    assert layout_of(value(3, 33), parse_spec("stft:64:32:hann:mag"), 3, time_axis=1) is None


def test_dimensions_come_back_in_the_order_of_the_value() -> None:
    found = layout_of(value(2, 33), parse_spec("stft:64:32:hann"))
    assert found is not None
    assert found.ordered((1, 33, 2)) == (1, 2, 33)
