"""Deformable convolution: the NumPy twin of the C kernel."""

import numpy as np

from edgekit.operators.fixed_point import F32, S8, Ints, output
from edgekit.operators.geometry import ConvShape
from edgekit.operators.resize.twin import FAR, bilinear


def ek_deform_conv_f32(
    x: F32,
    w: F32,
    offset: F32,
    bias: F32 | None,
    mask: F32 | None,
    offset_groups: int,
    shape: ConvShape,
) -> F32:
    """Return the convolution whose taps read x at their own places plus `offset`, between pixels.

    x ``(in_c, in_h, in_w)``, w ``(out_c, in_c / groups, k_h, k_w)``, offset ``(offset_groups * k_h * k_w * 2,
    out_h, out_w)`` as (row, column), mask ``(offset_groups * k_h * k_w, out_h, out_w)``, y ``(out_c, out_h, out_w)``.
    """
    columns = deform_columns(x, offset, mask, offset_groups, shape)
    s = shape
    columns = columns.reshape(s.groups, -1, 1, s.out_h, s.out_w)
    weights = w.reshape(s.groups, s.out_c // s.groups, -1, 1, 1)
    start = np.zeros(s.out_c, np.float32) if bias is None else bias
    filled = np.repeat(start, s.out_h * s.out_w).astype(np.float32)
    acc: F32 = filled.reshape(s.groups, -1, s.out_h, s.out_w)
    with np.errstate(all="ignore"):
        for i in range(columns.shape[1]):
            acc = acc + weights[:, :, i] * columns[:, i]
    return acc.reshape(s.out_c, s.out_h, s.out_w)


def deform_columns(
    x: F32, offset: F32, mask: F32 | None, offset_groups: int, shape: ConvShape
) -> F32:
    """Return the input at every tap of every output pixel, ``(in_c, k_h * k_w, out_h, out_w)``."""
    s = shape
    taps = s.k_h * s.k_w
    offset = offset.reshape(offset_groups, taps, 2, s.out_h, s.out_w)
    k = np.arange(taps)[:, None, None]
    base_y = np.arange(s.out_h)[:, None] * s.stride_h - s.pad_top + k // s.k_w * s.dil_h
    base_x = np.arange(s.out_w) * s.stride_w - s.pad_left + k % s.k_w * s.dil_w
    parts = []
    for g, channels in enumerate(np.split(x, offset_groups)):
        row = _place(base_y.astype(np.float32) + offset[g, :, 0])
        column = _place(base_x.astype(np.float32) + offset[g, :, 1])
        top, left = np.floor(row).astype(np.int32), np.floor(column).astype(np.int32)
        wy, wx = row - top.astype(np.float32), column - left.astype(np.float32)
        values = bilinear(channels, top, left, wy, wx)
        if mask is not None:
            with np.errstate(all="ignore"):
                values = values * mask.reshape(offset_groups, taps, s.out_h, s.out_w)[g]
        parts.append(values)
    return np.concatenate(parts).astype(np.float32)


def ek_square_deform_s8(
    x: S8,
    x_zero: int,
    d: S8,
    d_range: tuple[int, int],
    w: S8,
    bias: Ints,
    mult: Ints,
    shift: Ints,
    *limits: int,
) -> S8:
    """Return the depthwise 3x3 convolution whose dilation is d, clamped to its range, at each pixel.

    x and y ``(channels, height, width)``, d ``(height, width)``, w ``(channels, 3, 3)``; `limits` are y_zero,
    y_min and y_max.
    """
    _, height, width = x.shape
    reach = np.clip(d.astype(np.int64), *d_range)
    row, column = np.mgrid[0:height, 0:width]
    acc = np.broadcast_to(np.asarray(bias, np.int64)[:, None, None], x.shape).copy()
    for k in range(9):
        iy, ix = row + (k // 3 - 1) * reach, column + (k % 3 - 1) * reach
        inside = (iy >= 0) & (iy < height) & (ix >= 0) & (ix < width)
        taps = x[:, np.clip(iy, 0, height - 1), np.clip(ix, 0, width - 1)].astype(np.int64) - x_zero
        acc += w[:, k // 3, k % 3].astype(np.int64)[:, None, None] * np.where(inside, taps, 0)
    m, s = (np.asarray(a, np.int64)[:, None, None] for a in (mult, shift))
    return output(acc, m, s, *limits).astype(np.int8)


def _place(x: F32) -> F32:
    low = np.where(x > -FAR, x, np.float32(-FAR))
    return np.asarray(np.where(low < FAR, low, np.float32(FAR)), np.float32)
