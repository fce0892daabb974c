"""Resize along one axis as taps and weights: tables from an ONNX node's attributes and sizes.

Coordinates are computed in float32, as onnxruntime does, so that ties round equally.
"""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Int32
from edgekit.operators.fixed_point import F32
from edgekit.operators.geometry import dims, ints, optional
from edgekit.operators.roles import constant

OUTSIDE = -1  # index of a tap that reads 0


@dataclass(frozen=True)
class AxisTaps:
    """Result i along `axis` is the sum of ``weights[i, t]`` times element ``index[i, t]``."""

    axis: int
    index: Int32
    weights: F32

    @property
    def is_identity(self) -> bool:
        """Whether the axis is unchanged."""
        count = len(self.index)
        return bool(
            (self.index[:, 0] == np.arange(count)).all() and (self.weights[:, 0] == 1).all()
        )


def text(node: ir.Node, name: str, default: str) -> str:
    """Return a string attribute or its default."""
    attribute = node.attributes.get(name)
    return default if attribute is None else attribute.as_string()


def number(node: ir.Node, name: str, default: float) -> float:
    """Return a number attribute or its default."""
    attribute = node.attributes.get(name)
    return default if attribute is None else float(attribute.value)


def resize_taps(node: ir.Node) -> list[AxisTaps]:
    """Return the axes that a Resize node changes, those that shrink the most first."""
    x, y = dims(node.inputs[0]), dims(node.outputs[0])
    found = [_axis_taps(node, axis) for axis in range(len(x))]
    changed = [taps for taps in found if len(taps.index) != x[taps.axis] or not taps.is_identity]
    return sorted(changed, key=lambda taps: y[taps.axis] / x[taps.axis])


def resize_scales(node: ir.Node) -> list[np.float32]:
    """Return the factor of every axis: as given, or the quotient of the sizes."""
    x, y = dims(node.inputs[0]), dims(node.outputs[0])
    axes = [axis % len(x) for axis in ints(node, "axes", list(range(len(x))))]
    scales = [np.float32(out) / np.float32(size) for out, size in zip(y, x, strict=True)]
    given, sizes = constant(optional(node, 2)), constant(optional(node, 3))
    own = [] if given is None else [np.float32(scale) for scale in np.ravel(given)]
    policy = text(node, "keep_aspect_ratio_policy", "stretch")
    if sizes is not None and policy != "stretch":
        ratios = [np.float32(s) / np.float32(x[a]) for a, s in zip(axes, sizes, strict=True)]
        own = [min(ratios) if policy == "not_larger" else max(ratios)] * len(axes)
    for axis, scale in zip(axes, own, strict=True) if own else ():
        scales[axis] = scale
    return scales


def coordinates(node: ir.Node, axis: int) -> F32:
    """Return the coordinate of each result on the source's axis."""
    count, size = dims(node.outputs[0])[axis], dims(node.inputs[0])[axis]
    scale, one, half = resize_scales(node)[axis], np.float32(1), np.float32(0.5)
    at = np.arange(count, dtype=np.float32)
    mode = text(node, "coordinate_transformation_mode", "half_pixel")
    if mode == "asymmetric":
        return at / scale
    if mode == "align_corners":
        return at * np.float32(size - 1) / np.float32(max(count - 1, 1))
    if mode == "tf_crop_and_resize":
        first, last = _region(node, axis)
        reach = np.float32(size - 1)
        if count == 1:
            return np.array([half * (first + last) * reach], np.float32)
        return first * reach + at * (last - first) * reach / np.float32(count - 1)
    centred = (at + half) / scale - half
    if mode == "half_pixel_symmetric":
        adjustment = np.float32(count) / (scale * np.float32(size))
        return np.float32(size) / np.float32(2) * (one - adjustment) + centred
    return np.zeros(1, np.float32) if mode == "pytorch_half_pixel" and count == 1 else centred


def _region(node: ir.Node, axis: int) -> tuple[np.float32, np.float32]:
    rank = len(dims(node.inputs[0]))
    axes = [a % rank for a in ints(node, "axes", list(range(rank)))]
    region = constant(optional(node, 1))
    if region is None or not region.size or axis not in axes:
        return np.float32(0), np.float32(1)
    both = np.ravel(region).reshape(2, -1)[:, axes.index(axis)]
    return np.float32(both[0]), np.float32(both[1])


def _axis_taps(node: ir.Node, axis: int) -> AxisTaps:
    size = dims(node.inputs[0])[axis]
    at = coordinates(node, axis)
    make = {"nearest": _nearest, "linear": _linear, "cubic": _cubic}[text(node, "mode", "nearest")]
    index, weights = make(node, at, size)
    if text(node, "coordinate_transformation_mode", "") == "tf_crop_and_resize":
        beyond = (at < 0) | (at > size - 1)
        index[beyond], weights[beyond] = OUTSIDE, 0
    return AxisTaps(axis, index, weights)


Tables = tuple[Int32, F32]


def _nearest(node: ir.Node, at: F32, size: int) -> Tables:
    rule = text(node, "nearest_mode", "round_prefer_floor")
    if rule in ("floor", "ceil"):
        chosen = np.floor(at) if rule == "floor" else np.ceil(at)
    else:
        low, rest = np.floor(at), at - np.floor(at)
        up = rest >= 0.5 if rule == "round_prefer_ceil" else rest > 0.5
        chosen = low + up
    index = np.clip(chosen, 0, size - 1).astype(np.int32)[:, None]
    return index, np.ones(index.shape, np.float32)


def _linear(_: ir.Node, at: F32, size: int) -> Tables:
    inside = np.clip(at, 0, np.float32(size - 1))
    low = np.floor(inside).astype(np.int32)
    high = np.minimum(low + 1, size - 1)
    part = np.where(low == high, np.float32(0), inside - low.astype(np.float32))
    weights = np.stack([np.float32(1) - part, part], axis=1).astype(np.float32)
    return np.stack([low, high], axis=1).astype(np.int32), weights


def _cubic(node: ir.Node, at: F32, size: int) -> Tables:
    """Return four taps; see Keys, "Cubic convolution interpolation", 1981, equation 4 with its a."""
    a = np.float32(number(node, "cubic_coeff_a", -0.75))
    low = np.floor(at)
    places = low[:, None].astype(np.int32) + np.arange(-1, 3, dtype=np.int32)
    d = np.abs(at[:, None] - places.astype(np.float32))
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    weights = np.where(d <= 1, near, np.where(d < 2, far, np.float32(0))).astype(np.float32)
    if number(node, "exclude_outside", 0):
        weights = np.where((places < 0) | (places >= size), np.float32(0), weights)
        weights = weights / weights.sum(axis=1, keepdims=True)
    return np.clip(places, 0, size - 1).astype(np.int32), weights.astype(np.float32)
