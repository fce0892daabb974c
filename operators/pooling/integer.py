"""The builder of means and sums over windows or axes."""

import numpy as np
import onnx_ir as ir

from edgekit.graph.model import TFLITE
from edgekit.graph.nodes import attribute
from edgekit.operators.fuser import Fuser, IntegerForm
from edgekit.operators.geometry import ints
from edgekit.operators.pooling.twin import Pool, column_pool, pool_of
from edgekit.operators.qdq import output_attributes
from edgekit.operators.roles import (
    AVERAGES,
    MOVES,
    SUMS,
    activations,
    constant,
    constant_tail,
    feeds_sensitive,
    is_square,
    reduced_axes,
)
from edgekit.operators.scheme import MANTISSA_BITS, SUM_LIMITS, fixed_point


def build_average_pool(fuser: Fuser, node: ir.Node) -> bool:
    """Build a mean of windows or along axes, or a sum: one multiplier per possible number of taps of a window."""
    x, frame = fuser.operand(node.inputs[0]), fuser.frame(node)
    if x is None or frame is None:
        return False
    _, kind, fused = frame
    if kind.dtype == "int16":
        x = fuser.widened(x, f"{node.name}.wide")
    pool = _pool(node)
    if pool is None:
        return False
    counts = pool.counts()
    if counts.max() * 255 > SUM_LIMITS["int8"] and x.kind.dtype == "int8":
        return False
    divisors = np.arange(counts.min(), counts.max() + 1)
    if node.op_type == "ReduceSum":
        divisors = np.ones(1, np.int64)
    real = np.float64(x.kind.scale) / (np.float64(kind.scale) * divisors)
    mult, shift = fixed_point(real, MANTISSA_BITS[x.kind.dtype])
    zeros = {"x_zero": x.kind.zero_point, **output_attributes(kind, fused)}
    if TFLITE in node.metadata_props and x.kind == kind:
        # a multiplier just above 1 / count moves ties away from zero, and no other sum across one
        mult, zeros = mult + 1, {**zeros, "x_zero": 0, "y_zero": 0}
    attributes: dict[str, object] = {
        "mult": mult.astype(np.int32),
        "shift": shift.astype(np.uint8),
        "count_min": int(counts.min()),
        **zeros,
        "borders": pool.borders(),
        "shape": pool.shape.fields(),
    }
    fuser.add(node, "AveragePool", [x.value], [frame], attributes)
    return True


def _pool(node: ir.Node) -> Pool | None:
    """Return the windows of a pooling or a reduction; None if its axes are not adjacent."""
    if node.op_type not in SUMS:
        return pool_of(node)
    axes = reduced_axes(node)
    if not axes or axes != list(range(axes[0], axes[-1] + 1)):
        return None
    return column_pool(node, axes)


def _strange_average(node: ir.Node) -> bool:
    """Whether it has a form that onnxruntime 1.32 refuses (dilated) or computes wrongly (divisor) on integers."""
    dilated = any(step != 1 for step in ints(node, "dilations", []))
    cut_off = attribute(node, "ceil_mode", 0) and attribute(node, "count_include_pad", 0)
    return dilated or bool(cut_off)


def _is_plain_average(node: ir.Node) -> bool:
    return constant(node.inputs[0]) is None and not _strange_average(node)


def _is_plain_sum(node: ir.Node) -> bool:
    """Whether it is a sum or mean along adjacent axes, and not part of a normalization or of squares."""
    axes = reduced_axes(node) if constant_tail(node) else None
    if not axes or not activations(node) or axes != list(range(axes[0], axes[-1] + 1)):
        return False
    return not feeds_sensitive(node.outputs[0], MOVES | {"Add", "Sub"}) and not _sums_squares(node)


def _sums_squares(node: ir.Node) -> bool:
    """Whether a node reads squares or powers, perhaps moved first."""
    producer = activations(node)[0].producer()
    while producer is not None and producer.op_type in MOVES and activations(producer):
        producer = activations(producer)[0].producer()
    return producer is not None and (producer.op_type == "Pow" or is_square(producer))


INTEGERS = {
    **dict.fromkeys(AVERAGES, IntegerForm(_is_plain_average, build_average_pool)),
    **dict.fromkeys(SUMS, IntegerForm(_is_plain_sum, build_average_pool)),
}
