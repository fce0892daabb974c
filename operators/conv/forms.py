"""Conv and ConvTranspose, float and integer."""

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.operators.conv import twin as conv_twin
from edgekit.operators.geometry import ConvShape, conv_shape, ints
from edgekit.operators.operator import Operator, integer, integers, output_dtype, tensors
from edgekit.operators.qdq import INTEGER_DOMAIN


def conv_int(node: ir.Node, x: list[Array]) -> list[Array]:
    """Conv or ConvTranspose."""
    run = conv_twin.ek_conv if node.op_type == "Conv" else conv_twin.ek_conv_transpose
    shape = ConvShape.of(ints(node, "shape", []))
    w, *scaling = tensors(node, "w", "bias", "mult", "shift")
    w = w.reshape(*w.shape[:2], shape.k_h, shape.k_w)
    image = x[0].reshape(shape.in_c, shape.in_h, shape.in_w)
    limits = integers(node, "y_zero", "y_min", "y_max")
    args = [integer(node, "x_zero"), w, *scaling, *limits]
    return [run(image, *args, shape=shape, to=output_dtype(node))]


def conv(node: ir.Node, x: list[Array]) -> list[Array]:
    """Conv or ConvTranspose, image by image."""
    shape = conv_shape(node, list(x[1].shape[2:]))
    run = conv_twin.ek_conv_f32 if node.op_type == "Conv" else conv_twin.ek_conv_transpose_f32
    w = x[1].reshape(*x[1].shape[:2], shape.k_h, shape.k_w)
    bias = x[2] if len(x) > 2 else None
    images = x[0].reshape(-1, shape.in_c, shape.in_h, shape.in_w)
    return [np.stack([run(image, w, bias, shape) for image in images])]


OPERATORS: dict[tuple[str, str], Operator] = {
    ("", "Conv"): conv,
    ("", "ConvTranspose"): conv,
    (INTEGER_DOMAIN, "Conv"): conv_int,
    (INTEGER_DOMAIN, "ConvTranspose"): conv_int,
}
