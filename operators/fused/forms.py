"""Operators with precise internals, on integers: the kernels' twins."""

from typing import Any

import onnx_ir as ir

from edgekit.operators.fused import twin as fused_twin
from edgekit.operators.geometry import ints
from edgekit.operators.operator import Array, integer, kernel, tensor, widths

LIMITS = ("y_zero", "y_min", "y_max")


def magnitude_int(node: ir.Node, x: list[Array]) -> list[Array]:
    """Root of the sum of two squares."""
    m1, m2, *rest = _numbers(node, "m1", "m2", "add", "shift", *LIMITS)
    return [_run(node, x[0])(x[0], m1, x[1], m2, *rest)]


def product_sum_int(node: ir.Node, x: list[Array]) -> list[Array]:
    """Sum of two products."""
    m1, m2, *rest = _numbers(node, "m1", "m2", "shift", *LIMITS)
    return [_run(node, x[0])(x[0], x[1], m1, x[2], x[3], m2, *rest)]


def mean_square_int(node: ir.Node, x: list[Array]) -> list[Array]:
    """Mean of squares along the middle axis."""
    columns = x[0].reshape(ints(node, "sizes", []))
    return [_run(node, x[0])(columns, *_numbers(node, "mult", "shift", *LIMITS))]


def layernorm_int(node: ir.Node, x: list[Array]) -> list[Array]:
    """Normalized rows."""
    gain, bias = tensor(node, "gain"), tensor(node, "bias")
    numbers = _numbers(node, "bias_up", "epsilon", "shift", *LIMITS)
    return [_run(node, x[0])(x[0].reshape(-1, gain.size), gain, bias, *numbers)]


def softmax_int(node: ir.Node, x: list[Array]) -> list[Array]:
    """Softmax of rows."""
    rows, scaling = x[0].reshape(-1, x[0].shape[-1]), _numbers(node, "m", "s")
    numbers = _numbers(node, "mult", "shift", *LIMITS)
    return [_run(node, x[0])(rows, *scaling, tensor(node, "exp2"), *numbers)]


def _run(node: ir.Node, x: Array) -> Any:
    stem = {
        "LayerNormalization": "layernorm",
        "MeanSquare": "mean_square",
        "ProductSum": "product_sum",
    }
    name = stem.get(node.op_type, node.op_type.lower())
    return kernel(fused_twin, f"ek_{name}", *widths(node, x))


def _numbers(node: ir.Node, *names: str) -> list[int]:
    return [integer(node, name) for name in names]
