"""The builder of the deformable convolution with one dilation per pixel."""

import numpy as np
import onnx_ir as ir

from edgekit.operators.deform.dilation import integer_chain
from edgekit.operators.fuser import Fuser, IntegerForm
from edgekit.operators.geometry import optional
from edgekit.operators.linear.integer import (
    bias_array,
    integer_bias,
    multipliers,
    prove_accumulator,
)
from edgekit.operators.qdq import output_attributes
from edgekit.operators.roles import constant
from edgekit.operators.scheme import DILATION_TYPE

BIAS_OF_DEFORM = 3  # the input


def build_square_deform(fuser: Fuser, node: ir.Node) -> bool:
    """DeformConv whose d is s, rounded: `edgekit.operators.deform.dilation`; int8 only."""
    x, weight = fuser.operand(node.inputs[0]), fuser.weights.get(node.inputs[1])  # type: ignore[arg-type]
    frame, chain = fuser.frame(node), integer_chain(node)
    s = None if chain is None else fuser.operand(chain.source)
    if x is None or weight is None or frame is None or chain is None or s is None:
        return False
    widths = {x.kind.dtype, frame[1].dtype}
    if widths != {"int8"} or s.kind != DILATION_TYPE or weight.bits != 8:
        return False
    scales = np.broadcast_to(weight.scale, weight.q.shape)[:, 0, 0, 0]
    bias = integer_bias(fuser, node, x.kind, scales, BIAS_OF_DEFORM)
    prove_accumulator(node, x.kind, weight.q, bias)
    attributes = {
        **multipliers("", x.kind.scale, scales, frame[1].scale, "int8"),
        **output_attributes(frame[1]),
        "w": weight.q,
        "bias": bias_array(bias, x.kind),
        "x_zero": x.kind.zero_point,
        "d_min": int(chain.low),
        "d_max": int(chain.high),
    }
    fuser.forget(chain.nodes)
    fuser.add(node, "SquareDeform", [x.value, s.value], [frame], attributes)
    return True


def _is_square_deform(node: ir.Node) -> bool:
    known = all(v is None or constant(v) is not None for v in (node.inputs[1], optional(node, 3)))
    return known and integer_chain(node) is not None


INTEGERS = {"DeformConv": IntegerForm(_is_square_deform, build_square_deform)}
