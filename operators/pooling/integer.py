"""The builder of means and sums over windows or axes."""

import numpy as np
import onnx_ir as ir

from edgekit.operators.fuser import Fuser
from edgekit.operators.pooling.twin import column_pool, pool_of
from edgekit.operators.qdq import output_attributes
from edgekit.operators.roles import SUMS, reduced_axes
from edgekit.operators.scheme import MANTISSA_BITS, SUM_LIMITS, fixed_point


def build_average_pool(fuser: Fuser, node: ir.Node) -> bool:
    """Mean of windows or along axes, or a sum: one multiplier per number of taps that a window may have."""
    x, frame = fuser.operand(node.inputs[0]), fuser.frame(node)
    if x is None or frame is None:
        return False
    _, kind, fused = frame
    if kind.dtype == "int16":
        x = fuser.widened(x, f"{node.name}.wide")
    pool = column_pool(node, reduced_axes(node)) if node.op_type in SUMS else pool_of(node)
    counts = pool.counts()
    if counts.max() * 255 > SUM_LIMITS["int8"] and x.kind.dtype == "int8":
        return False
    divisors = np.arange(counts.min(), counts.max() + 1)
    if node.op_type == "ReduceSum":
        divisors = np.ones(1, np.int64)
    real = np.float64(x.kind.scale) / (np.float64(kind.scale) * divisors)
    mult, shift = fixed_point(real, MANTISSA_BITS[x.kind.dtype])
    attributes: dict[str, object] = {
        "x_zero": x.kind.zero_point,
        "mult": mult.astype(np.int32),
        "shift": shift.astype(np.uint8),
        "count_min": int(counts.min()),
        **output_attributes(kind, fused),
        "borders": pool.borders(),
        "shape": pool.shape.fields(),
    }
    fuser.add(node, "AveragePool", [x.value], [frame], attributes)
    return True
