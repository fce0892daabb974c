"""Sampling of images at computed places: the NumPy twin of the C kernel."""

import numpy as np

from edgekit.base.arrays import Array, Int32
from edgekit.operators.fixed_point import F32

PADDING = {"zeros": 0, "border": 1, "reflection": 2}
FAR = np.float32(1e6)


def ek_grid_sample_f32(x: F32, grid: F32, nearest: int, padding: int, align_corners: int) -> F32:
    """Return x at the places of the grid, each coordinate from -1 to 1 across the image.

    x ``(channels, in_h, in_w)``, grid ``(points, 2)`` as (column, row), y ``(channels, points)``.
    """
    _, in_h, in_w = x.shape
    column = _place(grid[:, 0], in_w, padding, align_corners)
    row = _place(grid[:, 1], in_h, padding, align_corners)
    rule = np.rint if nearest else np.floor
    left, top = rule(column).astype(np.int32), rule(row).astype(np.int32)
    if nearest:
        return _pixel(x, top, left)
    wx, wy = column - left.astype(np.float32), row - top.astype(np.float32)
    return bilinear(x, top, left, wy, wx)


def bilinear(x: F32, top: Int32, left: Int32, wy: F32, wx: F32) -> F32:
    """Return x ``(channels, in_h, in_w)`` between the four pixels around ``(top + wy, left + wx)``."""
    one = np.float32(1)
    with np.errstate(all="ignore"):
        upper = _pixel(x, top, left) * (one - wx) + _pixel(x, top, left + 1) * wx
        lower = _pixel(x, top + 1, left) * (one - wx) + _pixel(x, top + 1, left + 1) * wx
        return np.asarray(upper * (one - wy) + lower * wy, np.float32)


def _place(x: F32, n: int, padding: int, align_corners: int) -> F32:
    half, one, last = np.float32(0.5), np.float32(1), np.float32(n - 1)
    with np.errstate(all="ignore"):
        by_edges = ((x + one) * np.float32(n) - one) * half
        place = (x + one) * half * last if align_corners else by_edges
    place = np.where(place > -FAR, place, -FAR)
    place = np.where(place < FAR, place, FAR)
    if padding == PADDING["reflection"]:
        ends = (np.float32(0), last) if align_corners else (-half, last + half)
        place = _mirror(place, *ends)
    if padding:
        place = np.where(place > 0, place, np.float32(0))
        place = np.where(place < last, place, last)
    return np.asarray(place, np.float32)


def _mirror(x: F32, low: np.float32, high: np.float32) -> F32:
    span = high - low
    ahead = np.where(x < low, low - x, x - low)
    turns = ahead / span if span > 0 else np.zeros_like(ahead)
    whole = np.where(turns < FAR, turns, FAR).astype(np.int32)
    rest = ahead - whole.astype(np.float32) * span
    return np.asarray(np.where(whole % 2 == 0, low + rest, high - rest), np.float32)


def _pixel(x: F32, row: Int32, column: Int32) -> F32:
    _, in_h, in_w = x.shape
    inside = (row >= 0) & (row < in_h) & (column >= 0) & (column < in_w)
    values = x[:, np.clip(row, 0, in_h - 1), np.clip(column, 0, in_w - 1)]
    return np.asarray(np.where(inside, values, np.float32(0)), np.float32)


def ek_interpolate_f32(x: F32, index: Array, weights: F32) -> F32:
    """Return ``sum_t weights[:, t] * x[:, index[:, t]]`` in the order of t.

    x ``(outer, in_n, inner)``, index and weights ``(out_n, taps)``, y ``(outer, out_n, inner)``.
    """
    with np.errstate(all="ignore"):
        y = weights[:, 0, None] * x[:, index[:, 0]]
        for tap in range(1, index.shape[1]):
            y = y + weights[:, tap, None] * x[:, index[:, tap]]
    return np.asarray(y, np.float32)
