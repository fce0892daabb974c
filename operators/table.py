"""The table of operators: ``(domain, operator)`` to its form in NumPy and how it becomes integers.

The files of each family end with their own rows.
"""

from dataclasses import dataclass

import onnx_ir as ir

from edgekit.graph.fused import is_fused
from edgekit.graph.model import FLOAT_NODE, FRONTEND_DOMAIN
from edgekit.operators import axis_operators, indexing, movement, noise, normalize, reduce
from edgekit.operators.border import forms as border
from edgekit.operators.conv import forms as conv
from edgekit.operators.deform import forms as deform
from edgekit.operators.deform import integer as deform_integer
from edgekit.operators.elementwise import forms as elementwise
from edgekit.operators.elementwise import integer as elementwise_integer
from edgekit.operators.fused import forms as fused
from edgekit.operators.fused import integer as fused_integer
from edgekit.operators.fuser import IntegerForm
from edgekit.operators.linear import forms as linear
from edgekit.operators.linear import integer as linear_integer
from edgekit.operators.operator import Operator
from edgekit.operators.pointwise import forms as pointwise
from edgekit.operators.pointwise import integer as pointwise_integer
from edgekit.operators.pooling import forms as pooling
from edgekit.operators.pooling import integer as pooling_integer
from edgekit.operators.recurrent import forms as recurrent
from edgekit.operators.recurrent import integer as recurrent_integer
from edgekit.operators.resize import forms as resize
from edgekit.operators.spectral import forms as spectral


@dataclass(frozen=True)
class Row:
    """An operator: `form` runs it in the oracle, `integers` selects the nodes with an integer form and builds it."""

    form: Operator
    integers: IntegerForm | None = None


INTEGERS: dict[str, IntegerForm] = {
    **linear_integer.INTEGERS,
    **deform_integer.INTEGERS,
    **recurrent_integer.INTEGERS,
    **elementwise_integer.INTEGERS,
    **pointwise_integer.INTEGERS,
    **pooling_integer.INTEGERS,
    **fused_integer.INTEGERS,
}
FORMS: dict[tuple[str, str], Operator] = {
    **linear.OPERATORS,
    **conv.OPERATORS,
    **deform.OPERATORS,
    **recurrent.OPERATORS,
    **elementwise.OPERATORS,
    **pointwise.OPERATORS,
    **reduce.OPERATORS,
    **axis_operators.OPERATORS,
    **normalize.OPERATORS,
    **movement.OPERATORS,
    **indexing.OPERATORS,
    **pooling.OPERATORS,
    **resize.OPERATORS,
    **spectral.OPERATORS,
    **noise.OPERATORS,
    **border.OPERATORS,
    **fused.OPERATORS,
}
OPERATORS = {
    (domain, name): Row(form, INTEGERS.get(name) if domain in ("", FRONTEND_DOMAIN) else None)
    for (domain, name), form in FORMS.items()
}


def is_integer_compute(node: ir.Node) -> bool:
    """Whether a node does arithmetic that has an integer form; moves are not counted."""
    if is_fused(node):
        return FLOAT_NODE not in node.metadata_props
    row = OPERATORS.get((node.domain, node.op_type))
    floats = FLOAT_NODE in node.metadata_props or node.domain != ""
    return not floats and row is not None and row.integers is not None and row.integers.holds(node)
