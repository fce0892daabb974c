"""Pooling: geometry read from an ONNX node, and the NumPy twins of the C kernels (see `fixed_point`)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.operators.conv.twin import conv_taps
from edgekit.operators.fixed_point import F32, I64, Ints, output
from edgekit.operators.geometry import ConvShape, conv_shape, dims, ints
from edgekit.operators.pointwise.twin import ek_exp_f32, ek_log_f32, ek_sqrt_f32


@dataclass(frozen=True)
class Pool:
    """Windows over all channels of all images; the padding ends `pad_bottom` and `pad_right` after x."""

    shape: ConvShape
    include_pad: int
    pad_bottom: int
    pad_right: int

    def counts(self) -> I64:
        """Return the divisor of an average per output position, (out_h, out_w)."""
        return divisors(self.shape, self.include_pad, self.pad_bottom, self.pad_right)

    def reach(self) -> int:
        """Taps inside the data of the window that has the fewest."""
        return int(divisors(self.shape, 0, 0, 0).min())

    def borders(self) -> tuple[int, int, int]:
        """``include_pad, pad_bottom, pad_right``."""
        return self.include_pad, self.pad_bottom, self.pad_right


def pool_of(node: ir.Node) -> Pool:
    """Read a pooling of one or two spatial dimensions, or a global one of any."""
    x = dims(node.inputs[0])
    channels = x[0] * x[1]
    if node.op_type.startswith("Global"):
        count = int(np.prod(x[2:]))
        sizes = [channels, 1, count, channels, 1, 1, 1, count]
        return Pool(ConvShape.of([*sizes, 1, 1, 1, 1, 0, 0, 1]), 0, 0, 0)
    kernel, rank = ints(node, "kernel_shape", []), len(x) - 2
    shape = replace(conv_shape(node, kernel), in_c=channels, out_c=channels, groups=1)
    explicit = ints(node, "pads", [0] * (2 * rank))[rank:]
    auto = node.attributes.get("auto_pad")
    ends = [0] * (2 - rank) + explicit
    if auto is not None and auto.as_string() == "VALID":
        ends = [0, 0]
    elif auto is not None and auto.as_string() != "NOTSET":
        ends = [
            max((out - 1) * stride + (k - 1) * dil + 1 - size - before, 0)
            for out, stride, k, dil, size, before in (
                (shape.out_h, shape.stride_h, shape.k_h, shape.dil_h, shape.in_h, shape.pad_top),
                (shape.out_w, shape.stride_w, shape.k_w, shape.dil_w, shape.in_w, shape.pad_left),
            )
        ]
    include = node.attributes.get("count_include_pad")
    return Pool(shape, 0 if include is None else include.as_int(), *ends)


def column_pool(node: ir.Node, axes: list[int]) -> Pool:
    """Return the windows of a reduction along adjacent axes: the columns of (before, axes, after)."""
    x = dims(node.inputs[0])
    before, count, behind = (
        int(np.prod(part)) for part in (x[: axes[0]], x[axes[0] : axes[-1] + 1], x[axes[-1] + 1 :])
    )
    sizes = [before, count, behind, before, 1, behind, count, 1]
    return Pool(ConvShape.of([*sizes, 1, 1, 1, 1, 0, 0, 1]), 0, 0, 0)


def divisors(s: ConvShape, include_pad: int, pad_bottom: int, pad_right: int) -> I64:
    """Taps of each window inside x, or, with `include_pad`, before the end of the padding."""
    axes = (
        (s.out_h, s.stride_h, s.pad_top, s.k_h, s.dil_h, s.in_h, pad_bottom),
        (s.out_w, s.stride_w, s.pad_left, s.k_w, s.dil_w, s.in_w, pad_right),
    )
    counts = []
    for out, stride, before, k, dil, size, behind in axes:
        places = (np.arange(out) * stride - before)[:, None] + np.arange(k) * dil
        low, high = (-before, size + behind) if include_pad else (0, size)
        counts.append(((places >= low) & (places < high)).sum(axis=1))
    result: I64 = counts[0][:, None] * counts[1]
    return result


def ek_max_pool(x: Array, shape: ConvShape) -> Array:
    """Return the largest value of each window of x ``(c, in_h, in_w)``, of any element type."""
    least = -np.inf if x.dtype == np.float32 else np.iinfo(x.dtype).min
    y = np.full((shape.out_c, shape.out_h, shape.out_w), least, x.dtype)
    for to, source in _taps(shape):
        y[to] = np.maximum(y[to], x[source])
    return y


def ek_avg_pool_f32(
    x: F32, include_pad: int, pad_bottom: int, pad_right: int, shape: ConvShape
) -> F32:
    """Return the mean of each window; taps are summed in order."""
    count = divisors(shape, include_pad, pad_bottom, pad_right).astype(np.float32)
    return _window_sums(x, shape) / count


def ek_lp_pool_f32(x: F32, p: int, shape: ConvShape) -> F32:
    """Return ``(sum |x|^p)^(1/p)`` of each window."""
    magnitude = np.abs(x)
    power = magnitude
    for _ in range(p - 1):
        power = power * magnitude
    total = _window_sums(power, shape)
    if p <= 2:
        return total if p == 1 else ek_sqrt_f32(total)
    return ek_exp_f32(ek_log_f32(total) / np.float32(p))


def ek_avg_pool(
    x: Ints,
    x_zero: int,
    mult: Ints,
    shift: Ints,
    count_min: int,
    *limits: int,
    pool: Pool,
    to: npt.DTypeLike,
) -> Ints:
    """Return ``clamp(y_zero + requantize(sum (x - x_zero)))``, the factor chosen by the divisor.

    `limits` are y_zero, y_min and y_max.
    """
    shape, slot = pool.shape, pool.counts() - count_min
    total = np.zeros((shape.out_c, shape.out_h, shape.out_w), np.int64)
    for at, source in _taps(shape):
        total[at] += x[source].astype(np.int64) - x_zero
    return output(total, mult[slot], shift[slot], *limits).astype(to)


def _taps(shape: ConvShape) -> Iterator[tuple[tuple[slice, ...], tuple[slice, ...]]]:
    """Per tap the outputs and the inputs that it joins."""
    for _, _, (iy, oy), (ix, ox) in conv_taps(shape):
        yield (slice(None), oy, ox), (slice(None), iy, ix)


def _window_sums(x: F32, s: ConvShape) -> F32:
    y = np.zeros((s.out_c, s.out_h, s.out_w), np.float32)
    with np.errstate(all="ignore"):
        for to, source in _taps(s):
            y[to] += x[source]
    return y
