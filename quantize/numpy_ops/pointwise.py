"""Float functions of one value, and arithmetic of two or more with broadcasting."""

from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from edgekit.quantize.numpy_ops.base import Array, Operator
from edgekit.quantize.pointwise import POINTWISE, attributes_of


def fold(
    function: Callable[[Array, Array], Array],
) -> Operator:
    """Operands from the left to the right."""

    def run(node: ir.Node, x: list[Array]) -> list[Array]:
        total = x[0]
        with np.errstate(all="ignore"):
            for other in x[1:]:
                total = function(total, other)
        return [total]

    return run


def unary(node: ir.Node, x: list[Array]) -> list[Array]:
    """A function of `POINTWISE`."""
    with np.errstate(all="ignore"):
        return [POINTWISE[node.op_type].exact(x[0], attributes_of(node)).astype(np.float32)]


def clip(node: ir.Node, x: list[Array]) -> list[Array]:
    """Between constant bounds."""
    y, bounds = x[0], [*x[1:], None, None]
    y = y if bounds[0] is None else np.maximum(y, bounds[0])
    return [y if bounds[1] is None else np.minimum(y, bounds[1])]


def prelu(node: ir.Node, x: list[Array]) -> list[Array]:
    """With a broadcast slope."""
    return [np.where(x[0] < 0, x[1] * x[0], x[0]).astype(np.float32)]
