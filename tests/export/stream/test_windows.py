"""What nodes say about their windows along one axis."""

import numpy as np
import onnx_ir as ir
import pytest

from edgekit.export.stream.windows import (
    Cut,
    fill_of,
    paddings,
    pads_of,
    slice_of,
    sliding_of,
    unheard,
)


def node(op_type: str, *constants: object, frames: int = 24, **attributes: object) -> ir.Node:
    """A node that reads x (1, 2, 24) and constants, and gives so many frames."""
    x = ir.val("x", ir.DataType.FLOAT, (1, 2, 24))
    values = [
        ir.val(f"c{n}", const_value=ir.tensor(array), shape=array.shape)
        for n, array in enumerate(map(np.asarray, constants))
    ]
    made = ir.node(op_type, [x, *values], attributes)
    made.outputs[0].shape = ir.Shape((1, 2, frames))
    return made


@pytest.mark.parametrize(("mode", "expected"), [("SAME_UPPER", [1, 2]), ("SAME_LOWER", [2, 1])])
def test_paddings_that_keep_the_size(mode, expected):
    assert paddings(node("Conv", np.zeros((2, 2, 4), np.float32), auto_pad=mode)) == expected


def test_a_kernel_reaches_by_its_dilation():
    window = sliding_of(
        node("Conv", np.zeros((2, 2, 3), np.float32), dilations=[4], pads=[5, 0]), 2
    )
    assert (window.reach, window.stride, window.left) == (8, 1, 5)


def test_pads_of_axes_that_are_named():
    pad = node("Pad", np.array([3, 4]), np.float32(0.5), np.array([-1]))
    assert pads_of(pad, 2) == (3, 4)
    assert pads_of(pad, 1) == (0, 0)
    assert fill_of(pad) == 0.5


@pytest.mark.parametrize(
    ("start", "end", "step", "expected"),
    [(3, 2**60, 1, Cut(3, 24, 1)), (-4, -1, 1, Cut(20, 23, 1)), (0, 24, 2, Cut(0, 24, 2))],
)
def test_bounds_count_from_the_front(start, end, step, expected):
    cut = node("Slice", *(np.array([n]) for n in (start, end, 2, step)))
    assert slice_of(cut, 2, 24) == expected
    assert slice_of(cut, 1, 2) == Cut(0, 2, 1)


def test_weights_of_zero_at_the_start_of_a_kernel_count_nothing():
    weights = np.zeros((2, 2, 5), np.float32)
    weights[:, :, 3:] = 1
    assert unheard(node("Conv", weights, dilations=[2]), 2) == 6
    assert unheard(node("Conv", np.ones((2, 2, 5), np.float32)), 2) == 0


def test_a_taper_that_begins_with_zero():
    gather = node("Gather", np.arange(6)[:, None] * 4 + np.arange(4), axis=2)
    gather.outputs[0].shape = ir.Shape((1, 2, 6, 4))
    ir.node(
        "Mul", [gather.outputs[0], ir.val("w", const_value=ir.tensor(np.float32([0, 1, 1, 1])))]
    )
    assert unheard(gather, 2) == 1
