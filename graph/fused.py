"""Fused operators that a quantizer makes of several, as ONNX functions: float outside, precise inside."""

import onnx_ir as ir

from edgekit.graph.model import FRONTEND_DOMAIN

MAGNITUDE = """
Magnitude <epsilon> (a, b) => (y) {
  lift = Constant <value_float: float = @epsilon> ()
  a_square = Mul (a, a)
  b_square = Mul (b, b)
  power = Add (a_square, b_square)
  lifted = Add (power, lift)
  y = Sqrt (lifted)
}"""

MEAN_SQUARE = """
MeanSquare <axes, keepdims> (x) => (y) {
  over = Constant <value_ints: ints = @axes> ()
  square = Mul (x, x)
  y = ReduceMean <keepdims: int = @keepdims> (square, over)
}"""

# a * b + sign * (c * d)
PRODUCT_SUM = """
ProductSum <sign> (a, b, c, d) => (y) {
  factor = Constant <value_float: float = @sign> ()
  first = Mul (a, b)
  second = Mul (c, d)
  signed = Mul (second, factor)
  y = Add (first, signed)
}"""

FUSED_BODIES = {"Magnitude": MAGNITUDE, "MeanSquare": MEAN_SQUARE, "ProductSum": PRODUCT_SUM}


def is_fused(node: ir.Node) -> bool:
    """Whether a node is one of these operators."""
    return node.domain == FRONTEND_DOMAIN and node.op_type in FUSED_BODIES
