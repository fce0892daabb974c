"""Operators with precise internals, on integers: the kernels' twins."""

import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.operators.fused import twin as fused_twin
from edgekit.operators.geometry import ints
from edgekit.operators.operator import Operator, integers, output_dtype, tensor, tensors
from edgekit.operators.qdq import INTEGER_DOMAIN

LIMITS = ("y_zero", "y_min", "y_max")


def magnitude_int(node: ir.Node, x: list[Array]) -> list[Array]:
    """Root of the sum of two squares."""
    m1, m2, *rest = integers(node, "m1", "m2", "add", "shift", *LIMITS)
    return [fused_twin.ek_magnitude(x[0], m1, x[1], m2, *rest, to=output_dtype(node))]


def product_sum_int(node: ir.Node, x: list[Array]) -> list[Array]:
    """Sum of two products."""
    m1, m2, *rest = integers(node, "m1", "m2", "shift", *LIMITS)
    return [fused_twin.ek_product_sum(x[0], x[1], m1, x[2], x[3], m2, *rest, to=output_dtype(node))]


def mean_square_int(node: ir.Node, x: list[Array]) -> list[Array]:
    """Mean of squares along the middle axis."""
    columns = x[0].reshape(ints(node, "sizes", []))
    return [
        fused_twin.ek_mean_square(
            columns, *integers(node, "mult", "shift", *LIMITS), to=output_dtype(node)
        )
    ]


def layernorm_int(node: ir.Node, x: list[Array]) -> list[Array]:
    """Normalized rows."""
    gain, bias = tensors(node, "gain", "bias")
    numbers = integers(node, "bias_up", "epsilon", "shift", *LIMITS)
    return [
        fused_twin.ek_layernorm(
            x[0].reshape(-1, gain.size), gain, bias, *numbers, to=output_dtype(node)
        )
    ]


def instancenorm_int(node: ir.Node, x: list[Array]) -> list[Array]:
    """Normalized channels."""
    gain, bias = tensors(node, "gain", "bias")
    numbers = integers(node, "bias_up", "epsilon", "shift", *LIMITS)
    channels = x[0].reshape(*x[0].shape[:2], -1)
    return [fused_twin.ek_instancenorm(channels, gain, bias, *numbers, to=output_dtype(node))]


def softmax_int(node: ir.Node, x: list[Array]) -> list[Array]:
    """Softmax of rows."""
    rows, numbers = x[0].reshape(-1, x[0].shape[-1]), integers(node, "mult", "shift", *LIMITS)
    args = [*integers(node, "m", "s"), tensor(node, "exp2"), *numbers]
    return [fused_twin.ek_softmax(rows, *args, to=output_dtype(node))]


OPERATORS: dict[tuple[str, str], Operator] = {
    (INTEGER_DOMAIN, "InstanceNormalization"): instancenorm_int,
    (INTEGER_DOMAIN, "LayerNormalization"): layernorm_int,
    (INTEGER_DOMAIN, "Magnitude"): magnitude_int,
    (INTEGER_DOMAIN, "MeanSquare"): mean_square_int,
    (INTEGER_DOMAIN, "ProductSum"): product_sum_int,
    (INTEGER_DOMAIN, "Softmax"): softmax_int,
}
