"""Resize, axis by axis, and GridSample."""

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.operators.operator import Operator, integer
from edgekit.operators.resize.taps import OUTSIDE, resize_taps, text
from edgekit.operators.resize.twin import PADDING, ek_grid_sample_f32, ek_interpolate_f32


def resize(node: ir.Node, x: list[Array]) -> list[Array]:
    """Nearest moves elements of any type, linear and cubic interpolate."""
    result = x[0]
    for taps in resize_taps(node):
        axis = taps.axis
        if text(node, "mode", "nearest") == "nearest":
            nearest = taps.index[:, 0]
            result = np.take(result, np.maximum(nearest, 0), axis=axis)
            outside = (slice(None),) * axis + (nearest == OUTSIDE,)
            result[outside] = 0
        else:
            shape = result.shape
            blocks = result.reshape(-1, shape[axis], int(np.prod(shape[axis + 1 :])))
            result = ek_interpolate_f32(blocks, np.maximum(taps.index, 0), taps.weights)
            result = result.reshape(*shape[:axis], len(taps.index), *shape[axis + 1 :])
    return [result]


def grid_options(node: ir.Node) -> list[int]:
    """``nearest, padding, align_corners``."""
    padding = PADDING[text(node, "padding_mode", "zeros")]
    nearest = text(node, "mode", "linear") == "nearest"
    return [int(nearest), padding, integer(node, "align_corners", 0)]


def grid_sample(node: ir.Node, x: list[Array]) -> list[Array]:
    """Image by image."""
    pairs = zip(x[0], x[1].reshape(len(x[0]), -1, 2), strict=True)
    return [np.stack([ek_grid_sample_f32(a, b, *grid_options(node)) for a, b in pairs])]


OPERATORS: dict[tuple[str, str], Operator] = {
    ("", "Resize"): resize,
    ("", "GridSample"): grid_sample,
}
