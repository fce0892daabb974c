"""Convolutions, transposed ones, and one position of frames that lie apart: NumPy twins of the C kernels.

Integer sums run as float64 matrix products: exact, because every partial sum is an integer below 2**53. `limits` of a
result are y_zero, y_min and y_max.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from edgekit.base.arrays import Int32
from edgekit.operators.fixed_point import F32, I64, S8, Ints, Shifts, output
from edgekit.operators.geometry import ConvShape
from edgekit.operators.linear.twin import F64

Tap = tuple[int, int, tuple[slice, slice], tuple[slice, slice]]
Places = Int32


def ek_conv_f32(x: F32, w: F32, bias: F32 | None, shape: ConvShape) -> F32:
    """Return the convolution; per output: bias, then taps in order (channel, row, column).

    x ``(in_c, in_h, in_w)``, w ``(out_c, in_c / groups, k_h, k_w)``.
    """
    s = shape
    ci, co = per_group(s)
    xg = x.reshape(s.groups, ci, 1, s.in_h, s.in_w)
    wg = w.reshape(s.groups, co, ci, s.k_h, s.k_w, 1, 1)
    acc = _start(bias, s)
    with np.errstate(all="ignore"):
        for c in range(ci):
            for ky, kx, (iy, oy), (ix, ox) in conv_taps(s):
                acc[:, :, oy, ox] += wg[:, :, c, ky, kx] * xg[:, c, :, iy, ix]
    return acc.reshape(s.out_c, s.out_h, s.out_w)


def ek_conv_winograd_f32(x: F32, u: F32, bias: F32 | None, shape: ConvShape) -> F32:
    """Return the 3x3 convolution of x by tiles of 2 x 2 outputs, u (16, in_c, out_c) being its transformed weights.

    F(2x2, 3x3) of Lavin and Gray, arXiv 1509.09308, section 4.1. Sums are over the inputs in order; that of the place
    (1, 1), which counts once in each output, begins with the bias.
    """
    s = shape
    high, wide = -(-s.out_h // 2), -(-s.out_w // 2)
    padded = np.pad(x, ((0, 0), (s.pad_top, 2 * high + 2), (s.pad_left, 2 * wide + 2)))

    def spread(a: F32, axis: int, tiles: int) -> list[F32]:
        taken = (np.take(a, range(i, i + 2 * tiles, 2), axis) for i in range(4))
        first, second, third, fourth = taken
        return [first - third, second + third, third - second, second - fourth]

    def gathered(a: Sequence[F32]) -> list[F32]:
        return [a[0] + a[1] + a[2], a[1] - a[2] - a[3]]

    along = spread(padded, 2, wide)
    places = np.stack(
        [a for down in zip(*(spread(a, 1, high) for a in along), strict=True) for a in down]
    )
    sums = np.zeros((16, s.out_c, high, wide), np.float32)
    if bias is not None:
        sums[5] = bias[:, None, None]
    for c in range(s.in_c):
        sums += u[:, c, :, None, None] * places[:, c, None]
    rows = zip(*(gathered(list(sums[j::4])) for j in range(4)), strict=True)
    y = np.zeros((s.out_c, 2 * high, 2 * wide), np.float32)
    for i, row in enumerate(rows):
        y[:, i::2, 0::2], y[:, i::2, 1::2] = gathered(row)
    return y[:, : s.out_h, : s.out_w]


def ek_conv_transpose_f32(x: F32, w: F32, bias: F32 | None, shape: ConvShape) -> F32:
    """Return the transposed convolution of x with w ``(in_c, out_c / groups, k_h, k_w)``.

    Per output: bias, then taps in order (channel, row, column), in a step for each tap or for each position of x,
    whichever are fewer.
    """
    s = shape
    ci, co = per_group(s)
    xg = x.reshape(s.groups, ci, 1, s.in_h, s.in_w)
    wg = w.reshape(s.groups, ci, co, s.k_h, s.k_w)
    acc = _start(bias, s)
    by_tap = s.k_h * s.k_w <= s.in_h * s.in_w
    steps = list(transpose_taps(s) if by_tap else transpose_places(s))
    with np.errstate(all="ignore"):
        for c in range(ci):
            for row, column, (iy, oy), (ix, ox) in steps:
                if by_tap:
                    acc[:, :, oy, ox] += wg[:, c, :, row, column, None, None] * xg[:, c, :, iy, ix]
                else:
                    acc[:, :, oy, ox] += wg[:, c, :, iy, ix] * xg[:, c, :, row, column, None, None]
    return acc.reshape(s.out_c, s.out_h, s.out_w)


def _start(bias: F32 | None, s: ConvShape) -> F32:
    start = np.zeros(s.out_c, np.float32) if bias is None else bias
    rows = np.repeat(start, s.out_h * s.out_w).astype(np.float32)
    return rows.reshape(s.groups, s.out_c // s.groups, s.out_h, s.out_w)


def ek_conv(
    x: Ints,
    x_zero: int,
    w: S8,
    bias: Ints,
    mult: Ints,
    shift: Shifts,
    *limits: int,
    shape: ConvShape,
    to: npt.DTypeLike,
) -> Ints:
    """Return ``clamp(y_zero + requantize(bias + sum w * (x - x_zero)))``.

    Taps outside x contribute nothing.
    x ``(in_c, in_h, in_w)``, w ``(out_c, in_c / groups, k_h, k_w)``, y ``(out_c, out_h, out_w)``.
    """
    s, (ci, co) = shape, per_group(shape)
    d = (x.astype(np.float64) - x_zero).reshape(s.groups, ci, s.in_h, s.in_w)
    patches = np.zeros((s.groups, ci, s.k_h, s.k_w, s.out_h, s.out_w))
    for ky, kx, (iy, oy), (ix, ox) in conv_taps(s):
        patches[:, :, ky, kx, oy, ox] = d[:, :, iy, ix]
    kernel = w.astype(np.float64).reshape(s.groups, co, -1)
    acc = np.matmul(kernel, patches.reshape(s.groups, kernel.shape[2], -1))
    return _finish(acc, bias, mult, shift, *limits, shape=s).astype(to)


def ek_conv_transpose(
    x: Ints,
    x_zero: int,
    w: S8,
    bias: Ints,
    mult: Ints,
    shift: Shifts,
    *limits: int,
    shape: ConvShape,
    to: npt.DTypeLike,
) -> Ints:
    """Return the transposed convolution; w ``(in_c, out_c / groups, k_h, k_w)``.

    The rest is as in `ek_conv`.
    """
    s, (ci, co) = shape, per_group(shape)
    d = (x.astype(np.float64) - x_zero).reshape(s.groups, ci, s.in_h * s.in_w)
    kernel = w.astype(np.float64).reshape(s.groups, ci, co, s.k_h, s.k_w)
    acc = np.zeros((s.groups, co, s.out_h, s.out_w))
    for ky, kx, (iy, oy), (ix, ox) in transpose_taps(s):
        part = np.matmul(kernel[..., ky, kx].transpose(0, 2, 1), d).reshape(
            s.groups, co, s.in_h, s.in_w
        )
        acc[:, :, oy, ox] += part[:, :, iy, ix]
    return _finish(acc, bias, mult, shift, *limits, shape=s).astype(to)


def per_group(shape: ConvShape) -> tuple[int, int]:
    """Return the input and output channels of one group."""
    return shape.in_c // shape.groups, shape.out_c // shape.groups


def conv_taps(shape: ConvShape) -> Iterator[Tap]:
    """Yield ky, kx, (input rows, output rows), (input columns, output columns) of each tap.

    Taps that never touch the input are left out.
    """
    for ky in range(shape.k_h):
        for kx in range(shape.k_w):
            rows = _reach(ky * shape.dil_h - shape.pad_top, shape.stride_h, shape.in_h, shape.out_h)
            columns = _reach(
                kx * shape.dil_w - shape.pad_left, shape.stride_w, shape.in_w, shape.out_w
            )
            if rows and columns:
                yield ky, kx, rows, columns


def transpose_taps(shape: ConvShape) -> Iterator[Tap]:
    """Yield taps as `conv_taps`, for a transposed convolution."""
    for ky in range(shape.k_h):
        for kx in range(shape.k_w):
            rows = _reach(ky * shape.dil_h - shape.pad_top, shape.stride_h, shape.out_h, shape.in_h)
            columns = _reach(
                kx * shape.dil_w - shape.pad_left, shape.stride_w, shape.out_w, shape.in_w
            )
            if rows and columns:
                yield ky, kx, (rows[1], rows[0]), (columns[1], columns[0])


def transpose_places(shape: ConvShape) -> Iterator[Tap]:
    """Yield iy, ix, (kernel rows, output rows), (kernel columns, output columns) of each position of the input.

    The last position comes first: so an output meets its taps in order.
    """
    for iy in reversed(range(shape.in_h)):
        for ix in reversed(range(shape.in_w)):
            rows = _reach(iy * shape.stride_h - shape.pad_top, shape.dil_h, shape.out_h, shape.k_h)
            columns = _reach(
                ix * shape.stride_w - shape.pad_left, shape.dil_w, shape.out_w, shape.k_w
            )
            if rows and columns:
                yield iy, ix, (rows[1], rows[0]), (columns[1], columns[0])


def _reach(base: int, stride: int, wide: int, narrow: int) -> tuple[slice, slice] | tuple[()]:
    """Slices of i = j * stride + base and of j, for j in [0, narrow) with i in [0, wide)."""
    first = max(0, -(base // stride))
    last = min(narrow - 1, (wide - 1 - base) // stride)
    if last < first:
        return ()
    start = first * stride + base
    return slice(start, start + (last - first) * stride + 1, stride), slice(first, last + 1)


def _finish(acc: F64, bias: Ints, mult: Ints, shift: Shifts, *limits: int, shape: ConvShape) -> I64:
    s = shape
    column = (s.out_c, 1, 1)
    total = acc.reshape(s.out_c, s.out_h, s.out_w).astype(np.int64) + bias.reshape(column)
    shifts = np.broadcast_to(np.asarray(shift, dtype=np.uint8), (s.out_c,)).reshape(column)
    return output(total, np.broadcast_to(mult, (s.out_c,)).reshape(column), shifts, *limits)


def ek_frames(
    x: Ints,
    at: Places,
    w: S8,
    bias: Ints,
    mult: Ints,
    shift: Shifts,
    *limits: int,
    to: npt.DTypeLike,
) -> Ints:
    """Return ``clamp(y_zero + requantize(bias + sum over t of w[t] * x[at[t]]))``, ``(channels,)``.

    x ``(frames, channels)``, of which frame t begins at element ``at[t]``, w ``(taps, channels)``.
    """
    taken = x[at // w.shape[1]].astype(np.int64)
    total: I64 = (taken * w).sum(0) + bias
    return output(total, mult, shift, *limits).astype(to)


def ek_frames_f32(x: F32, at: Places, w: F32, bias: F32 | None) -> F32:
    """Return per channel the bias, 0 without one, and the taps in order."""
    channels = w.shape[1]
    acc = np.zeros(channels, np.float32) if bias is None else bias.copy()
    with np.errstate(all="ignore"):
        for taken, tap in zip(x[at // channels], w, strict=True):
            acc += taken * tap
    return acc
