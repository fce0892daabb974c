"""Resize (nearest is movement along constant indices, the others interpolate axis by axis), GridSample."""

import numpy as np
import onnx_ir as ir

from edgekit.base.errors import Problem
from edgekit.base.json_values import JsonObject
from edgekit.operators.geometry import dims
from edgekit.operators.resize.forms import grid_options, resize
from edgekit.operators.resize.taps import (
    AxisTaps,
    coordinates,
    number,
    resize_scales,
    resize_taps,
    text,
)
from edgekit.targets.c.emit.base import Context, node_label, size
from edgekit.targets.c.emit.movement.indexing import check_constants, emit_by_index
from edgekit.targets.c.plan.storage import Traits


def emit_resize(ctx: Context, node: ir.Node) -> None:
    """Copy, or one interpolation per axis through the work space."""
    steps = resize_taps(node)
    if text(node, "mode", "nearest") == "nearest" or not steps:
        emit_by_index(resize)(ctx, node)
        return
    shape, source = list(dims(node.inputs[0])), ctx.pointer(node.inputs[0])
    halves = _halves(node, steps)
    for step, taps in enumerate(steps):
        target = ctx.pointer(node.outputs[0])
        if step < len(steps) - 1:
            offset = 0 if step % 2 == 0 else halves[0]
            target = f"{ctx.scratch(node, 'float')} + {offset}"
        axis, (out_n, count) = taps.axis, taps.index.shape
        outer, inner = int(np.prod(shape[:axis])), int(np.prod(shape[axis + 1 :]))
        index = ctx.constant(f"{node.name}_index{axis}", np.maximum(taps.index, 0))
        weights = ctx.constant(f"{node.name}_weights{axis}", taps.weights)
        sizes = [outer, shape[axis], out_n, inner, count]
        ctx.call("ek_interpolate_f32", source, index, weights, target, *sizes)
        source, shape[axis] = target, out_n


def sizes_resize(node: ir.Node) -> JsonObject:
    """Return the sizes before, along and after the axis of each interpolation, in their order."""
    if text(node, "mode", "nearest") == "nearest":
        return {}
    shape, rows = list(dims(node.inputs[0])), []
    for taps in resize_taps(node):
        outer, inner = int(np.prod(shape[: taps.axis])), int(np.prod(shape[taps.axis + 1 :]))
        rows.append((outer, shape[taps.axis], len(taps.index), inner))
        shape[taps.axis] = len(taps.index)
    names = ("outer", "in_n", "out_n", "inner")
    return {name: list(sizes) for name, sizes in zip(names, zip(*rows, strict=True), strict=False)}


def _halves(node: ir.Node, steps: list[AxisTaps]) -> tuple[int, int]:
    """Return elements of the intermediate results, which alternate between two parts of the work space."""
    shape, sizes = list(dims(node.inputs[0])), [[0], [0]]
    for step, taps in enumerate(steps[:-1]):
        shape[taps.axis] = len(taps.index)
        sizes[step % 2].append(int(np.prod(shape)))
    return max(sizes[0]), max(sizes[1])


def traits_resize(node: ir.Node) -> Traits:
    """Return the work space for the values between two axes."""
    if text(node, "mode", "nearest") == "nearest":
        return Traits()
    return Traits(scratch=4 * sum(_halves(node, resize_taps(node))))


def check_resize(node: ir.Node) -> list[Problem]:
    """Constant sizes, no antialiasing, whole sizes between aligned corners, zeros outside of a crop."""
    if problems := check_constants(1, 2, 3)(node):
        return problems
    found, x = [], node.inputs[0]
    mode = text(node, "coordinate_transformation_mode", "half_pixel")
    if number(node, "antialias", 0):
        found.append(("antialias 1", "antialias 0", "smooth before it with a convolution"))
    smooth = text(node, "mode", "nearest") != "nearest"
    if smooth and x is not None and x.dtype != ir.DataType.FLOAT:
        found.append((f"interpolation of {x.dtype}", "float32", "cast the data"))
    if mode == "align_corners" and not _has_whole_sizes(node):
        found.append(
            ("align_corners with a scale that gives no whole size", "whole sizes", "give sizes")
        )
    fills = mode == "tf_crop_and_resize" and number(node, "extrapolation_value", 0)
    if fills and _reads_outside(node):
        found.append(("extrapolation_value", "0", "crop inside the data, or use 0"))
    return [Problem(node_label(node), *parts) for parts in found]


def _has_whole_sizes(node: ir.Node) -> bool:
    sizes = zip(dims(node.inputs[0]), dims(node.outputs[0]), resize_scales(node), strict=True)
    return all(abs(n * s - out) <= 1e-3 for n, out, s in sizes)


def _reads_outside(node: ir.Node) -> bool:
    """Whether some result lies outside of the data."""
    places = ((coordinates(node, axis), n) for axis, n in enumerate(dims(node.inputs[0])))
    return any(((at < 0) | (at > n - 1)).any() for at, n in places)


def emit_grid_sample(ctx: Context, node: ir.Node) -> None:
    """Image by image."""
    x, grid, y = node.inputs[0], node.inputs[1], node.outputs[0]
    images, channels, height, width = dims(x)
    steps = [size(v) // images for v in (x, grid, y)]
    at = [ctx.pointer(v) for v in (x, grid, y)]
    if images > 1:
        at = [f"{p} + n * {step}" for p, step in zip(at, steps, strict=True)]
        ctx.line(f"for (int32_t n = 0; n < {images}; n++) {{")
    numbers = [channels, height, width, steps[1] // 2, *grid_options(node)]
    ctx.call("ek_grid_sample_f32", *at, *numbers)
    if images > 1:
        ctx.line("}")


def check_grid_sample(node: ir.Node) -> list[Problem]:
    """2-D, nearest or bilinear."""
    shape, mode = dims(node.inputs[0]), text(node, "mode", "linear")
    found = [(f"input {shape}", "(images, channels, height, width)")] if len(shape) != 4 else []
    if mode not in ("linear", "bilinear", "nearest"):
        found.append((f"mode {mode}", "linear or nearest"))
    return [Problem(node_label(node), *parts, "use one of these") for parts in found]


def sizes_grid_sample(node: ir.Node) -> JsonObject:
    """Return the rows of the input."""
    return {"in_h": dims(node.inputs[0])[-2]}
