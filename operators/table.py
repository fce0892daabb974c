"""The table of operators that the oracle runs: ``(domain, operator)`` to its NumPy form.

Each family's file ends with its own rows.
"""

from edgekit.operators import along, indexing, movement, normalize, reduce
from edgekit.operators.border import forms as border
from edgekit.operators.conv import forms as conv
from edgekit.operators.deform import forms as deform
from edgekit.operators.elementwise import forms as elementwise
from edgekit.operators.fused import forms as fused
from edgekit.operators.linear import forms as linear
from edgekit.operators.operator import Operator
from edgekit.operators.pointwise import forms as pointwise
from edgekit.operators.pooling import forms as pooling
from edgekit.operators.recurrent import forms as recurrent
from edgekit.operators.resize import forms as resize
from edgekit.operators.spectral import forms as spectral

OPERATORS: dict[tuple[str, str], Operator] = {
    **linear.OPERATORS,
    **conv.OPERATORS,
    **deform.OPERATORS,
    **recurrent.OPERATORS,
    **elementwise.OPERATORS,
    **pointwise.OPERATORS,
    **reduce.OPERATORS,
    **along.OPERATORS,
    **normalize.OPERATORS,
    **movement.OPERATORS,
    **indexing.OPERATORS,
    **pooling.OPERATORS,
    **resize.OPERATORS,
    **spectral.OPERATORS,
    **border.OPERATORS,
    **fused.OPERATORS,
}
