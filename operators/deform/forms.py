"""Deformable convolutions, float and integer."""

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.operators.deform.twin import ek_deform_conv_f32, ek_square_deform_s8
from edgekit.operators.geometry import conv_shape
from edgekit.operators.operator import Operator, integer, tensor
from edgekit.operators.qdq import INTEGER_DOMAIN


def deform_conv(node: ir.Node, x: list[Array]) -> list[Array]:
    """DeformConv, image by image."""
    shape = conv_shape(node, list(x[1].shape[2:]))
    bias = x[3] if len(x) > 3 else None
    masks = x[4] if len(x) > 4 else [None] * len(x[0])
    groups = integer(node, "offset_group", 1)
    images = zip(x[0], x[2], masks, strict=True)
    return [
        np.stack([ek_deform_conv_f32(a, x[1], b, bias, m, groups, shape) for a, b, m in images])
    ]


def square_deform_int(node: ir.Node, x: list[Array]) -> list[Array]:
    """SquareDeform of one picture."""
    w, bias, mult, shift = (tensor(node, n) for n in ("w", "bias", "mult", "shift"))
    numbers = [integer(node, n) for n in ("x_zero", "d_min", "d_max", "y_zero", "y_min", "y_max")]
    x_zero, d_min, d_max, *limits = numbers
    weights = w.reshape(-1, 3, 3)
    y = ek_square_deform_s8(
        x[0][0], x_zero, x[1][0, 0], (d_min, d_max), weights, bias, mult, shift, *limits
    )
    return [y[None]]


OPERATORS: dict[tuple[str, str], Operator] = {
    ("", "DeformConv"): deform_conv,
    (INTEGER_DOMAIN, "SquareDeform"): square_deform_int,
}
