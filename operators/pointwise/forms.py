"""Functions of one value, and of several broadcast ones."""

import numpy as np
import onnx_ir as ir

from edgekit.operators.elementwise.functions import form
from edgekit.operators.operator import Array
from edgekit.operators.pointwise.functions import POINTWISE, attributes_of


def elementwise(node: ir.Node, x: list[Array]) -> list[Array]:
    """A function of broadcast operands of any element type."""
    rule, dtype = form(node), node.outputs[0].dtype
    assert dtype is not None
    with np.errstate(all="ignore"):
        return [np.asarray(rule.exact(*(x[i] for i in rule.operands))).astype(dtype.numpy())]


def unary(node: ir.Node, x: list[Array]) -> list[Array]:
    """A function of floats in `POINTWISE`, or the same of integers."""
    if x[0].dtype != np.float32:
        return elementwise(node, x)
    with np.errstate(all="ignore"):
        return [POINTWISE[node.op_type].exact(x[0], attributes_of(node)).astype(np.float32)]
