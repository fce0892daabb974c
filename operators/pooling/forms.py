"""Pooling, float and integer."""

import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.operators.geometry import ConvShape, ints
from edgekit.operators.operator import Operator, integer, integers, output_dtype, tensors
from edgekit.operators.pooling import twin as pooling_twin
from edgekit.operators.pooling.twin import Pool, pool_of
from edgekit.operators.qdq import INTEGER_DOMAIN


def max_pool(node: ir.Node, x: list[Array]) -> list[Array]:
    """Return the largest value of each window."""
    shape = pool_of(node).shape
    return [pooling_twin.ek_max_pool(_image(x[0], shape), shape)]


def average_pool(node: ir.Node, x: list[Array]) -> list[Array]:
    """Return the mean of each window."""
    pool = pool_of(node)
    image = _image(x[0], pool.shape)
    return [pooling_twin.ek_avg_pool_f32(image, *pool.borders(), pool.shape)]


def lp_pool(node: ir.Node, x: list[Array]) -> list[Array]:
    """Return the p-norm of each window."""
    shape = pool_of(node).shape
    return [pooling_twin.ek_lp_pool_f32(_image(x[0], shape), integer(node, "p", 2), shape)]


def average_pool_int(node: ir.Node, x: list[Array]) -> list[Array]:
    """Return the mean of each window, on integers."""
    pool = Pool(ConvShape.of(ints(node, "shape", [])), *ints(node, "borders", []))
    numbers = integers(node, "count_min", "y_zero", "y_min", "y_max")
    args = [integer(node, "x_zero"), *tensors(node, "mult", "shift"), *numbers]
    image, to = _image(x[0], pool.shape), output_dtype(node)
    return [pooling_twin.ek_avg_pool(image, *args, pool=pool, to=to)]


def _image(x: Array, shape: ConvShape) -> Array:
    return x.reshape(shape.in_c, shape.in_h, shape.in_w)


OPERATORS: dict[tuple[str, str], Operator] = {
    ("", "MaxPool"): max_pool,
    ("", "GlobalMaxPool"): max_pool,
    ("", "AveragePool"): average_pool,
    ("", "GlobalAveragePool"): average_pool,
    ("", "LpPool"): lp_pool,
    ("", "GlobalLpPool"): lp_pool,
    (INTEGER_DOMAIN, "AveragePool"): average_pool_int,
}
