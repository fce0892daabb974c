"""Functions of one operand or several broadcast ones, float and integer."""

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.graph.fused import FUSED_BODIES
from edgekit.graph.model import FRONTEND_DOMAIN
from edgekit.operators.elementwise import twin as elementwise_twin
from edgekit.operators.elementwise.functions import FORMS, form
from edgekit.operators.operator import Operator, integer, integers, output_dtype, tensor
from edgekit.operators.pointwise.forms import pointwise
from edgekit.operators.pointwise.functions import POINTWISE
from edgekit.operators.qdq import INTEGER_DOMAIN


def prelu_int(node: ir.Node, x: list[Array]) -> list[Array]:
    """PRelu per channel."""
    slopes = tensor(node, "m_neg")
    channels = x[0].reshape(slopes.size, -1)
    factors = integer(node, "m_pos"), slopes, integer(node, "shift")
    x_zero, y_zero = integers(node, "x_zero", "y_zero")
    return [elementwise_twin.ek_prelu(channels, x_zero, *factors, y_zero, to=output_dtype(node))]


def arithmetic_int(node: ir.Node, x: list[Array]) -> list[Array]:
    """Add or Mul with broadcasting."""
    tail = integers(node, "shift", "y_zero", "y_min", "y_max")
    (a_zero, b_zero), to = integers(node, "a_zero", "b_zero"), output_dtype(node)
    if node.op_type == "Add":
        m1, m2 = integers(node, "m1", "m2")
        return [elementwise_twin.ek_add(x[0], a_zero, m1, x[1], b_zero, m2, *tail, to=to)]
    return [elementwise_twin.ek_mul(x[0], a_zero, x[1], b_zero, integer(node, "m"), *tail, to=to)]


def elementwise(node: ir.Node, x: list[Array]) -> list[Array]:
    """Return a function of broadcast operands of any element type."""
    rule, dtype = form(node), node.outputs[0].dtype
    assert dtype is not None
    with np.errstate(all="ignore"):
        return [np.asarray(rule.exact(*(x[i] for i in rule.operands))).astype(dtype.numpy())]


def unary(node: ir.Node, x: list[Array]) -> list[Array]:
    """Return a function of one value: of floats by `POINTWISE`, of other types by `FORMS`."""
    return pointwise(node, x) if x[0].dtype == np.float32 else elementwise(node, x)


OPERATORS: dict[tuple[str, str], Operator] = {
    **{("", name): elementwise for name in FORMS if name not in FUSED_BODIES},
    **{("", name): unary for name in POINTWISE},
    (FRONTEND_DOMAIN, "Magnitude"): elementwise,
    (FRONTEND_DOMAIN, "ProductSum"): elementwise,
    (INTEGER_DOMAIN, "PRelu"): prelu_int,
    (INTEGER_DOMAIN, "Add"): arithmetic_int,
    (INTEGER_DOMAIN, "Mul"): arithmetic_int,
}
