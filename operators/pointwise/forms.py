"""Functions of one value: of floats, and as tables of integers."""

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.operators.operator import Operator, integers, output_dtype, tensor
from edgekit.operators.pointwise import tables as lookup_tables
from edgekit.operators.pointwise.functions import POINTWISE, attributes_of
from edgekit.operators.qdq import INTEGER_DOMAIN


def pointwise(node: ir.Node, x: list[Array]) -> list[Array]:
    """Return a function of floats in `POINTWISE`."""
    with np.errstate(all="ignore"):
        return [POINTWISE[node.op_type].exact(x[0], attributes_of(node)).astype(np.float32)]


def table(node: ir.Node, x: list[Array]) -> list[Array]:
    """Return a function of one value."""
    entries = tensor(node, "table")
    if x[0].dtype == np.int8:
        return [lookup_tables.ek_lut_s8(x[0], entries)]
    if output_dtype(node) == np.int16:
        return [lookup_tables.ek_lut_s16(x[0], entries)]
    numbers = integers(node, "mult", "shift", "y_zero")
    return [lookup_tables.ek_lut_s16_s8(x[0], entries, *numbers)]


OPERATORS: dict[tuple[str, str], Operator] = {(INTEGER_DOMAIN, "Table"): table}
