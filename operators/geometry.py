"""Convolution geometry: the fields of ``ek_conv_shape``, read from an ONNX node."""

from dataclasses import astuple, dataclass, replace
from dataclasses import fields as dataclass_fields

import onnx_ir as ir

from edgekit.graph.nodes import optional as optional  # operators read nodes through this module


@dataclass(frozen=True)
class ConvShape:
    """Sizes of a batch-1 convolution, 1-D ones with height 1; the order is that of ``ek_conv_shape``."""

    in_c: int
    in_h: int
    in_w: int
    out_c: int
    out_h: int
    out_w: int
    k_h: int
    k_w: int
    stride_h: int
    stride_w: int
    dil_h: int
    dil_w: int
    pad_top: int
    pad_left: int
    groups: int

    @staticmethod
    def of(fields: list[int]) -> "ConvShape":
        """Return the shape from all sizes in order, as in `fields`."""
        names = [field.name for field in dataclass_fields(ConvShape)]
        return ConvShape(**dict(zip(names, fields, strict=True)))

    @property
    def macs(self) -> int:
        """Multiply-accumulates of a convolution, padding included."""
        taps = self.k_h * self.k_w
        return self.out_c * self.out_h * self.out_w * self.in_c // self.groups * taps

    def used_taps(self) -> tuple[slice, slice]:
        """Rows and columns of the kernel from the first to the last that any output reads inside the input."""
        rows = _used_taps(self.k_h, self.stride_h, self.dil_h, self.pad_top, self.in_h, self.out_h)
        return rows, _used_taps(
            self.k_w, self.stride_w, self.dil_w, self.pad_left, self.in_w, self.out_w
        )

    def trimmed(self) -> "ConvShape":
        """Return the shape of the same convolution with `used_taps` alone."""
        rows, columns = self.used_taps()
        return replace(
            self,
            k_h=rows.stop - rows.start,
            k_w=columns.stop - columns.start,
            pad_top=self.pad_top - rows.start * self.dil_h,
            pad_left=self.pad_left - columns.start * self.dil_w,
        )

    def lying(self) -> "ConvShape":
        """Return the shape of a one-column convolution as one row, as kernels read along rows; memory is the same."""
        if not self.in_w == self.out_w == self.k_w == 1 or self.in_h == 1 or self.pad_left != 0:
            return self
        return replace(
            self,
            in_h=1,
            in_w=self.in_h,
            out_h=1,
            out_w=self.out_h,
            k_h=1,
            k_w=self.k_h,
            stride_h=1,
            stride_w=self.stride_h,
            dil_h=1,
            dil_w=self.dil_h,
            pad_top=0,
            pad_left=self.pad_top,
        )

    def flat(self) -> "ConvShape":
        """Return a one-tap convolution that keeps height and width as one long row; memory is the same."""
        taps = (self.k_h, self.k_w, self.stride_h, self.stride_w, self.pad_top, self.pad_left)
        size = self.in_h, self.in_w
        if taps != (1, 1, 1, 1, 0, 0) or size != (self.out_h, self.out_w):
            return self
        positions = self.in_h * self.in_w
        return replace(self, in_h=1, in_w=positions, out_h=1, out_w=positions)

    def fields(self) -> list[int]:
        """Return all sizes in order."""
        return list(astuple(self))


def _used_taps(k: int, stride: int, dil: int, pad: int, size: int, outputs: int) -> slice:
    inside = [
        i for i in range(k) if any(0 <= o * stride + i * dil - pad < size for o in range(outputs))
    ]
    if not inside:
        return slice(0, k)
    return slice(min(inside[0], pad // dil), inside[-1] + 1)


def dims(value: ir.Value | None) -> tuple[int, ...]:
    """Return the static shape of a value."""
    assert value is not None and value.shape is not None
    return tuple(int(str(size)) for size in value.shape)


def ints(node: ir.Node, name: str, default: list[int]) -> list[int]:
    """Return a list attribute or its default."""
    attribute = node.attributes.get(name)
    return default if attribute is None else [int(v) for v in attribute.as_ints()]


def matmul_shapes(
    a: tuple[int, ...], b: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Return the operands' shapes as matrices, with 1 for a vector's missing axis, and their common batch."""
    left = (1, *a) if len(a) == 1 else a
    right = (*b, 1) if len(b) == 1 else b
    return left, right, broadcast_shapes(left[:-2], right[:-2])


def broadcast_shapes(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of an elementwise operation."""
    rank = max(len(a), len(b))
    padded = ((1,) * (rank - len(shape)) + shape for shape in (a, b))
    return tuple(max(pair) for pair in zip(*padded, strict=True))


def conv_shape(node: ir.Node, kernel: list[int]) -> ConvShape:
    """Read Conv, ConvTranspose or a pooling (1-D or 2-D, any padding) of batch 1."""
    x, y = dims(node.inputs[0]), dims(node.outputs[0])
    rank = len(x) - 2
    strides, dilations = ints(node, "strides", [1] * rank), ints(node, "dilations", [1] * rank)
    pads = _pads(node, x[2:], y[2:], kernel, strides, dilations)
    group = node.attributes.get("group")

    def pair(values: tuple[int, ...] | list[int], fill: int) -> list[int]:
        return [fill] * (2 - rank) + [int(v) for v in values]

    sizes = [x[1], *pair(x[2:], 1), y[1], *pair(y[2:], 1), *pair(kernel, 1)]
    steps = [*pair(strides, 1), *pair(dilations, 1), *pair(pads[:rank], 0)]
    return ConvShape.of([*sizes, *steps, 1 if group is None else group.as_int()])


def _pads(
    node: ir.Node,
    x: tuple[int, ...],
    y: tuple[int, ...],
    kernel: list[int],
    strides: list[int],
    dilations: list[int],
) -> list[int]:
    """Leading pads first. The trailing ones follow from the output's shape and are not needed."""
    auto = node.attributes.get("auto_pad")
    mode = "NOTSET" if auto is None else auto.as_string()
    transposed = node.op_type == "ConvTranspose"
    explicit = "output_shape" not in node.attributes if transposed else True
    if (mode == "NOTSET" and explicit) or (mode == "VALID" and not transposed):
        return ints(node, "pads", [0] * (2 * len(x)))
    # a transposed convolution writes where another reads
    wide, narrow = (y, x) if transposed else (x, y)
    extra = ints(node, "output_padding", [0] * len(x)) if transposed else [0] * len(x)
    sizes = zip(wide, narrow, kernel, strides, dilations, extra, strict=True)
    totals = [
        max((less - 1) * s + more + (k - 1) * d + 1 - size, 0)
        for size, less, k, s, d, more in sizes
    ]
    return [t // 2 if mode == "SAME_UPPER" else t - t // 2 for t in totals]
