"""The taps of a resize: weights add up to 1, and places are those of the source."""

import numpy as np
import onnx_ir as ir
import pytest

from edgekit.operators.resize.taps import coordinates, resize_scales, resize_taps


def resize(size: int, count: int, **attributes: object) -> ir.Node:
    kind = ir.TensorType(ir.DataType.FLOAT)
    x = ir.Value(name="x", shape=ir.Shape((1, 1, size)), type=kind)
    y = ir.Value(name="y", shape=ir.Shape((1, 1, count)), type=kind)
    return ir.node("Resize", [x], attributes, outputs=[y])


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
@pytest.mark.parametrize(("size", "count"), [(5, 11), (9, 4)])
def test_weights_of_a_result_add_up_to_one(mode: str, size: int, count: int) -> None:
    taps = next(taps for taps in resize_taps(resize(size, count, mode=mode)) if taps.axis == 2)
    assert len(taps.index) == count
    assert ((taps.index >= 0) & (taps.index < size)).all()
    np.testing.assert_allclose(taps.weights.sum(1), 1, atol=1e-6)


def test_an_axis_that_stays_has_no_taps() -> None:
    assert resize_taps(resize(6, 6, mode="linear")) == []


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [
        ("half_pixel", [-0.25, 0.25, 0.75, 1.25]),
        ("asymmetric", [0, 0.5, 1, 1.5]),
        ("align_corners", [0, 1 / 3, 2 / 3, 1]),
    ],
)
def test_results_lie_where_the_mode_says(mode: str, wanted: list[float]) -> None:
    node = resize(2, 4, coordinate_transformation_mode=mode)
    np.testing.assert_allclose(coordinates(node, 2), wanted, atol=1e-6)
    assert resize_scales(node) == [1, 1, 2]
