"""From QDQ to integers: each Q/DQ-framed operator becomes one integer operator with fixed-point constants.

The result is again an ONNX graph, for the oracle and the emitters only: integer operators live in the
domain `INTEGER_DOMAIN`, carry their constants as attributes, and their tensors are int8 or int16. What
is not framed stays as it was, between Quantize and Dequantize nodes: a float island. States that are
stored quantized become integer graph inputs and outputs.

A builder returns False where the frame is incomplete; the node then stays a float island, which the
manifest counts. `BUILDERS` is the table.
"""

from collections.abc import Callable

import onnx_ir as ir

from edgekit.graph.model import Model
from edgekit.graph.step_groups import select_group
from edgekit.operators.deform.integer import build_square_deform
from edgekit.operators.elementwise.integer import build_arithmetic, build_division, build_prelu
from edgekit.operators.frame_moves import frame_moves
from edgekit.operators.fused.integer import FUSED_BUILDERS
from edgekit.operators.fuser import Fuser
from edgekit.operators.linear.integer import build_linear, build_matmul
from edgekit.operators.pointwise.integer import build_table
from edgekit.operators.pooling.integer import build_average_pool
from edgekit.operators.recurrent.integer import build_recurrent
from edgekit.operators.roles import (
    RECURRENT,
    SUMS,
    TABLED,
)

BUILDERS: dict[str, Callable[[Fuser, ir.Node], bool]] = {
    "Gemm": build_linear,
    "Conv": build_linear,
    "ConvTranspose": build_linear,
    "DeformConv": build_square_deform,
    "MatMul": build_matmul,
    **dict.fromkeys(sorted(RECURRENT), build_recurrent),
    "AveragePool": build_average_pool,
    "GlobalAveragePool": build_average_pool,
    **dict.fromkeys(sorted(SUMS), build_average_pool),
    "Div": build_division,
    "Add": build_arithmetic,
    "Sub": build_arithmetic,
    "Mul": build_arithmetic,
    "PRelu": build_prelu,
    **dict.fromkeys(sorted(TABLED), build_table),
    **FUSED_BUILDERS,
}


def to_integer(model: Model) -> Model:
    """Return the model with integer operators; a float model keeps all its nodes.

    Of a network with step groups it is the first one, without the input that chooses.
    """
    return Model(Fuser(frame_moves(select_group(model, 0))).run(BUILDERS))
