"""The integer grid of a QuantizeLinear or DequantizeLinear, and the types that EdgeKit stores."""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.base.errors import Problem
from edgekit.graph.nodes import array_of, attribute, optional, static_shape

SHIFTED = {ir.DataType.UINT8: ir.DataType.INT8, ir.DataType.UINT16: ir.DataType.INT16}
STORED = (ir.DataType.INT8, ir.DataType.INT16)  # of tensors between integer operators
READABLE = (*SHIFTED, *STORED, ir.DataType.INT32)


@dataclass(frozen=True)
class Grid:
    """``real = scale * (q - zero)``: integers of `dtype`, along `axis` where scale has more than one value.

    `scale` float32 and `zero` int64, both of shape () or (axis length,).
    """

    dtype: ir.DataType
    scale: Array
    zero: Array
    axis: int

    @property
    def shift(self) -> int:
        """Offset from unsigned integers to the signed ones that are stored instead."""
        return {ir.DataType.UINT8: 128, ir.DataType.UINT16: 32768}.get(self.dtype, 0)

    @property
    def shifted(self) -> "Grid":
        """The same grid on signed integers."""
        dtype = SHIFTED.get(self.dtype, self.dtype)
        return Grid(dtype, self.scale, self.zero - self.shift, self.axis)

    @property
    def limits(self) -> tuple[int, int]:
        """Smallest and largest integer."""
        info = np.iinfo(self.dtype.numpy())
        return int(info.min), int(info.max)

    @property
    def is_stored(self) -> bool:
        """Whether an activation on it is one of the stored types: int8, or int16 around zero."""
        kind, zero = self.shifted.dtype, self.shifted.zero
        return self.scale.ndim == 0 and (
            kind == ir.DataType.INT8 or (kind == ir.DataType.INT16 and not zero.any())
        )

    def equals(self, other: "Grid") -> bool:
        """Whether both map the same integers to the same values."""
        return self.dtype == other.dtype and all(
            np.array_equal(mine, theirs)
            for mine, theirs in ((self.scale, other.scale), (self.zero, other.zero))
        )

    def along(self, array: Array, rank: int) -> Array:
        """Scale or zero shaped so that it broadcasts over a tensor of `rank` dimensions."""
        return array if array.ndim == 0 else array.reshape([-1, *[1] * (rank - 1 - self.axis)])

    def real(self, q: Array) -> Array:
        """Dequantized float32, as ONNX defines it."""
        zero, scale = (self.along(part, q.ndim) for part in (self.zero, self.scale))
        return np.asarray((q.astype(np.int64) - zero).astype(np.float32) * scale, np.float32)

    def quantized(self, x: Array) -> Array:
        """Integers of `dtype`: round half to even, saturate."""
        zero, scale = (self.along(part, x.ndim) for part in (self.zero, self.scale))
        levels = np.rint(np.asarray(x, np.float32) / scale).astype(np.float64) + zero
        return np.clip(levels, *self.limits).astype(self.dtype.numpy())


def is_quantizer(node: ir.Node) -> bool:
    """Whether it is a QuantizeLinear."""
    return node.op_type == "QuantizeLinear" and not node.domain


def is_dequantizer(node: ir.Node) -> bool:
    """Whether it is a DequantizeLinear."""
    return node.op_type == "DequantizeLinear" and not node.domain


def integer_type(node: ir.Node) -> ir.DataType | None:
    """Return the integer type that the node writes or reads."""
    if node.op_type == "DequantizeLinear":
        value = node.inputs[0]
        return None if value is None else value.dtype
    zero = optional(node, 2)
    return (
        zero.dtype
        if zero is not None
        else ir.DataType(attribute(node, "output_dtype", 0) or ir.DataType.UINT8)
    )


def axis_of(node: ir.Node) -> int:
    """Return the axis along which the scale runs, counted from the front."""
    axis, shape = int(attribute(node, "axis", 1)), static_shape(node.inputs[0])
    return axis if shape is None or axis >= 0 else axis + len(shape)


def grid_of(node: ir.Node) -> Grid | None:
    """Return the grid; None if scale or zero point are computed."""
    scale, dtype = array_of(node.inputs[1]), integer_type(node)
    given = optional(node, 2)
    zero = np.zeros((), np.int64) if given is None else array_of(given)
    if scale is None or zero is None or dtype is None:
        return None
    zero = zero.astype(np.int64)
    if scale.size == 1:
        scale, zero = scale.reshape(()), zero.reshape(())
    else:
        zero = np.broadcast_to(zero, scale.shape)
    return Grid(dtype, scale, zero, axis_of(node))


def is_kept_weight(node: ir.Node) -> bool:
    """Whether it is a constant around 0: of int8, of which blocks share a scale, or of int4."""
    zero = array_of(node.inputs[2]) if len(node.inputs) > 2 else np.zeros(1)
    constant = array_of(node.inputs[0]) is not None and zero is not None and not zero.any()
    blocked = bool(attribute(node, "block_size", 0))
    dtype = integer_type(node)
    return constant and (dtype == ir.DataType.INT4 or (blocked and dtype == ir.DataType.INT8))


def grid_problem(node: ir.Node) -> Problem | None:
    """Return the reason why a QuantizeLinear or DequantizeLinear cannot be kept, if it cannot."""
    dtype, scale = integer_type(node), node.inputs[1]
    where, step = f"{node.op_type} '{node.name}'", "quantize to 8 bits, or export in float32"
    if attribute(node, "block_size", 0) and not is_kept_weight(node):
        return Problem(where, "blocked quantization", "one scale per tensor or per axis", step)
    if dtype is not None and dtype not in READABLE and not is_kept_weight(node):
        names = ", ".join(kind.name.lower() for kind in READABLE)
        return Problem(where, f"type {dtype.name.lower()}", names, step)
    if scale is not None and scale.dtype not in (ir.DataType.FLOAT, None):
        return Problem(where, f"a scale of {scale.dtype.name.lower()}", "float32", step)
    return None
