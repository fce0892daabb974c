"""`RESULT_SHAPES`: the sizes of an operator's result that follow from those of its operands.

A rule returns None where they depend on what is computed while the network runs.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from edgekit.export.tflite_file.arithmetic import UNARY
from edgekit.export.tflite_file.file import Operator, Tensor
from edgekit.export.tflite_file.products import SAME

Operands = Sequence[Tensor]
Shape = tuple[int, ...]


def _reshape(operator: Operator, operands: Operands) -> Shape | None:
    """Return the sizes of a RESHAPE, one of which may be the rest; they are an operand or an option."""
    sizes = operator.option("NewShapeAsNumpy") if len(operands) < 2 else operands[1].data
    if not isinstance(sizes, np.ndarray):
        return None
    wanted = [int(size) for size in sizes.ravel()]
    known = math.prod(size for size in wanted if size != -1)
    count = math.prod(operands[0].shape)
    return tuple(count // max(known, 1) if size == -1 else size for size in wanted)


def _concatenation(operator: Operator, operands: Operands) -> Shape:
    axis = operator.option("Axis") % len(operands[0].shape)
    total = sum(held.shape[axis] for held in operands)
    return (*operands[0].shape[:axis], total, *operands[0].shape[axis + 1 :])


def _broadcast(_: Operator, operands: Operands) -> Shape:
    return np.broadcast_shapes(*(held.shape for held in operands))


def _dense(operator: Operator, operands: Operands) -> Shape:
    """Return the sizes of a FULLY_CONNECTED, whose weights are (out, in)."""
    x, (channels, width) = operands[0].shape, operands[1].shape
    rows = x[:-1] if operator.option("KeepNumDims") else (math.prod(x) // width,)
    return (*rows, channels)


def _convolution(operator: Operator, operands: Operands) -> Shape:
    """Return the sizes of a convolution; weights are (out, height, width, in), or (1, height, width, out)."""
    x, weights = operands[0].shape, operands[1].shape
    channels = weights[3 if operator.builtin == "DEPTHWISE_CONV_2D" else 0]
    strides = operator.option("StrideH", 1), operator.option("StrideW", 1)
    dilations = operator.option("DilationHFactor", 1), operator.option("DilationWFactor", 1)
    is_same = operator.option("Padding") == SAME
    lost = [0 if is_same else (k - 1) * d for k, d in zip(weights[1:3], dilations, strict=True)]
    sizes = [-(-(n - m) // s) for n, m, s in zip(x[1:3], lost, strides, strict=True)]
    return (x[0], *sizes, channels)


def _transpose(_: Operator, operands: Operands) -> Shape | None:
    x, axes = operands[0].shape, operands[1].data
    return None if axes is None else tuple(x[int(axis)] for axis in axes.ravel())


def _pad(_: Operator, operands: Operands) -> Shape | None:
    x, pads = operands[0].shape, operands[1].data
    return None if pads is None else tuple(n + int(p.sum()) for n, p in zip(x, pads, strict=True))


def _reduction(operator: Operator, operands: Operands) -> Shape | None:
    """Return the sizes of a sum, mean or extreme along constant axes."""
    x, data = operands[0].shape, operands[1].data
    if data is None:
        return None
    axes = {int(axis) % len(x) for axis in data.ravel()}
    if operator.option("KeepDims"):
        return tuple(1 if axis in axes else n for axis, n in enumerate(x))
    return tuple(n for axis, n in enumerate(x) if axis not in axes)


FRAMEWISE = (
    *(*UNARY, "SOFTMAX", "LOG_SOFTMAX", "QUANTIZE", "DEQUANTIZE", "CAST", "ELU", "PRELU"),
    *("RELU6", "RELU_N1_TO_1", "RELU_0_TO_1", "LEAKY_RELU", "POW", "SQUARE", "RSQRT"),
    *("SQUARED_DIFFERENCE", "FLOOR_DIV", "FLOOR_MOD", "NOT_EQUAL", "LOGICAL_NOT"),
    *("SELECT", "SELECT_V2", "GELU", "CUMSUM", "L2_NORMALIZATION"),
)
REDUCTIONS = ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD")
RESULT_SHAPES: dict[str, Callable[[Operator, Operands], Shape | None]] = {
    "RESHAPE": _reshape,
    "CONCATENATION": _concatenation,
    "FULLY_CONNECTED": _dense,
    "TRANSPOSE": _transpose,
    **dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D"), _convolution),
    **dict.fromkeys(("PAD", "PADV2", "MIRROR_PAD"), _pad),
    **dict.fromkeys(REDUCTIONS, _reduction),
    **dict.fromkeys(FRAMEWISE, _broadcast),
}
