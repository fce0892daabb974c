"""Functions of several broadcast operands, float and integer."""

import numpy as np
import onnx_ir as ir

from edgekit.operators.elementwise import twin as elementwise_twin
from edgekit.operators.elementwise.functions import form
from edgekit.operators.operator import Array, integer, kernel, tensor, widths


def prelu_int(node: ir.Node, x: list[Array]) -> list[Array]:
    """PRelu per channel."""
    slopes = tensor(node, "m_neg")
    channels = x[0].reshape(slopes.size, -1)
    factors = integer(node, "m_pos"), slopes, integer(node, "shift")
    run = kernel(elementwise_twin, "ek_prelu", *widths(node, x[0]))
    return [run(channels, integer(node, "x_zero"), *factors, integer(node, "y_zero"))]


def arithmetic_int(node: ir.Node, x: list[Array]) -> list[Array]:
    """Add or Mul with broadcasting."""
    run = kernel(elementwise_twin, f"ek_{node.op_type.lower()}", *widths(node, x[0]))
    tail = [integer(node, n) for n in ("shift", "y_zero", "y_min", "y_max")]
    a_zero, b_zero = integer(node, "a_zero"), integer(node, "b_zero")
    if node.op_type == "Add":
        return [run(x[0], a_zero, integer(node, "m1"), x[1], b_zero, integer(node, "m2"), *tail)]
    return [run(x[0], a_zero, x[1], b_zero, integer(node, "m"), *tail)]


def elementwise(node: ir.Node, x: list[Array]) -> list[Array]:
    """A function of broadcast operands of any element type."""
    rule, dtype = form(node), node.outputs[0].dtype
    assert dtype is not None
    with np.errstate(all="ignore"):
        return [np.asarray(rule.exact(*(x[i] for i in rule.operands))).astype(dtype.numpy())]
