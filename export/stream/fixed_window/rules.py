"""``RULES``: operators whose result moves along time with the window, so that a hop computes its newest frames.

A rule returns False where the result does not move, as with padding along time; all frames are computed then.
"""

from collections.abc import Callable, Sequence
from math import prod

import numpy as np
import onnx_ir as ir

from edgekit.export.stream.fixed_window.writer import Newest, WindowWriter
from edgekit.export.stream.rules.elementwise import axes_input, axis_of, trailing_axes
from edgekit.export.stream.windows import paddings, pads_of, slice_of, sliding_of, spatial
from edgekit.graph.facts import facts_of, names
from edgekit.graph.nodes import array_of, attribute, static_shape

Rule = Callable[[WindowWriter, ir.Node], bool]


def slide(writer: WindowWriter, node: ir.Node) -> bool:
    """Convolutions and pools without padding along time, whose stride divides the hop."""
    held = _frames_of_input(writer, node)
    if held is None or held.axis < 2 or not _slides_without_padding(node, held):
        return False
    if not all(map(writer.is_fixed, _operands(node)[1:])):
        return False
    window = sliding_of(node, held.axis)
    kernel, size = window.reach + 1, _shape(node.outputs[0])[held.axis]
    count = min(held.count // window.stride, size)
    unread = (held.size - kernel) % window.stride  # newest frames that no kernel reaches
    frames = (count - 1) * window.stride + kernel
    read = writer.frames(_input(node), frames + unread)
    if unread:
        read = writer.new.slice(read, held.axis, 0, frames, f"{node.name}.read")
    made = writer.new.copy(node, [read, *map(writer.operand, node.inputs[1:])])
    writer.record(node.outputs[0], made[0], held.axis, count)
    return True


def _slides_without_padding(node: ir.Node, held: Newest) -> bool:
    pads, place = paddings(node), held.axis - 2
    if len(node.outputs) > 1 or attribute(node, "ceil_mode", 0):
        return False
    stride = sliding_of(node, held.axis).stride
    return not (pads[place] or pads[place + spatial(node)] or held.count % stride)


def broadcast(writer: WindowWriter, node: ir.Node) -> bool:
    """Elementwise operators of tensors with the same frames, and of constants that are the same at each frame."""
    output = node.outputs[0]
    rank = len(_shape(output))
    held = [writer.newest[value] for value in _operands(node) if value in writer.newest]
    if len({(one.axis, one.size, one.count) for one in held}) > 1:
        return False
    axis = held[0].axis
    for value in _operands(node):
        if value in writer.newest and len(_shape(value)) == rank:
            continue
        if not writer.is_fixed(value) or _changes_along(node, value, axis, rank):
            return False
    return _copy(writer, node, held[0], axis)


def _changes_along(node: ir.Node, value: ir.Value, axis: int, rank: int) -> bool:
    """Whether a constant operand has several values along an axis of the result."""
    shape = _shape(value)
    if facts_of(node).quantizer:
        return prod(shape) > 1 and axis_of(node, rank) == [axis]
    place = axis - rank + len(shape)
    return place >= 0 and shape[place] != 1


def mix(axes_of: Callable[[ir.Node, int], Sequence[int]]) -> Rule:
    """Return the rule of operators that mix other axes than time, and may take them away."""

    def rule(writer: WindowWriter, node: ir.Node) -> bool:
        held, rank = _frames_of_input(writer, node), len(_shape(node.inputs[0]))
        if held is None or not all(map(writer.is_fixed, _operands(node)[1:])):
            return False
        axes = set(axes_of(node, rank))
        if held.axis in axes:
            return False
        fewer = len(_shape(node.outputs[0])) < rank
        axis = held.axis - sum(one < held.axis for one in axes) if fewer else held.axis
        return _copy(writer, node, held, axis)

    return rule


def join(writer: WindowWriter, node: ir.Node) -> bool:
    """Concat of tensors with the same frames, along another axis."""
    held = [writer.newest.get(value) for value in _operands(node)]
    first = held[0]
    if first is None or axis_of(node, len(_shape(node.outputs[0]))) == [first.axis]:
        return False
    frames = {one and (one.axis, one.size, one.count) for one in held}
    return len(frames) == 1 and _copy(writer, node, first, first.axis)


def transpose(writer: WindowWriter, node: ir.Node) -> bool:
    """Transpose: time is another axis of its result."""
    held, rank = writer.newest[_input(node)], len(_shape(node.inputs[0]))
    perm = list(attribute(node, "perm", range(rank)[::-1]))
    return _copy(writer, node, held, perm.index(held.axis))


def fold(writer: WindowWriter, node: ir.Node) -> bool:
    """Reshapes that leave the axis of time as it is."""
    held, read, made = (
        _frames_of_input(writer, node),
        _shape(node.inputs[0]),
        list(_shape(node.outputs[0])),
    )
    if held is None:
        return False
    before = prod(read[: held.axis])
    for axis, size in enumerate(made):
        if size == held.size and prod(made[:axis]) == before:
            made[axis] = held.count
            value = writer.new.reshape(held.value, made, str(node.name))
            writer.record(node.outputs[0], value, axis, held.count)
            return True
    return False


def cut(writer: WindowWriter, node: ir.Node) -> bool:
    """Slice: along time it is a part of the window that moves with it."""
    held = _frames_of_input(writer, node)
    part = None if held is None else slice_of(node, held.axis, held.size)
    if held is None or part is None or part.step != 1 or part.end <= part.start:
        return False
    later = held.size - part.end  # frames of the window after the part
    count = min(held.count, part.end - part.start)
    value = writer.frames(_input(node), count + later)
    if later:
        value = writer.new.slice(value, held.axis, 0, count, f"{node.name}.part")
    if bounds := _other_bounds(node, held.axis):
        constants = [writer.new.constant(b, f"{node.name}.bound", np.int64) for b in bounds]
        value = writer.new.one(str(node.name), "Slice", value, *constants)
    writer.record(node.outputs[0], value, held.axis, count)
    return True


def _other_bounds(node: ir.Node, axis: int) -> list[list[int]]:
    """Return starts, ends, axes and steps of a Slice along other axes."""
    rank = len(_shape(node.inputs[0]))
    starts, ends, axes, steps = (
        array_of(value) for value in [*node.inputs[1:], None, None, None][:4]
    )
    assert starts is not None and ends is not None
    places = range(len(starts)) if axes is None else [int(one) % rank for one in axes]
    strides = [1] * len(starts) if steps is None else steps
    rows = [
        (int(a), int(b), place, int(s))
        for a, b, place, s in zip(starts, ends, places, strides, strict=True)
        if place != axis
    ]
    return [list(column) for column in zip(*rows, strict=True)]


def pad(writer: WindowWriter, node: ir.Node) -> bool:
    """Pad along other axes."""
    held = _frames_of_input(writer, node)
    if held is None or array_of(node.inputs[1]) is None or any(pads_of(node, held.axis)):
        return False
    return _copy(writer, node, held, held.axis)


def product(writer: WindowWriter, node: ir.Node) -> bool:
    """Gemm and MatMul of rows with constant weights."""
    held, rank = _frames_of_input(writer, node), len(_shape(node.inputs[0]))
    weights, *bias = _operands(node)[1:]
    if held is None or held.axis == rank - 1 or attribute(node, "transA", 0):
        return False
    if len(_shape(weights)) > 2 or not all(map(writer.is_fixed, [weights, *bias])):
        return False
    if any(_changes_along(node, one, held.axis, rank) for one in bias):
        return False
    return _copy(writer, node, held, held.axis)


def _copy(writer: WindowWriter, node: ir.Node, held: Newest, axis: int) -> bool:
    """Add a node for the newest frames, which lie along `axis` of its results."""
    if any(axis >= len(shape := _shape(v)) or shape[axis] != held.size for v in node.outputs):
        return False
    results = writer.new.copy(node, [writer.operand(value) for value in node.inputs])
    for output, made in zip(node.outputs, results, strict=True):
        writer.record(output, made, axis, held.count)
    return True


def _frames_of_input(writer: WindowWriter, node: ir.Node) -> Newest | None:
    """Return what the first operand is, if a hop has its newest frames."""
    return writer.newest.get(_input(node))


def _input(node: ir.Node) -> ir.Value:
    value = node.inputs[0]
    assert value is not None
    return value


def _operands(node: ir.Node) -> list[ir.Value]:
    return [value for value in node.inputs if value is not None]


def _shape(value: ir.Value | None) -> tuple[int, ...]:
    return static_shape(value) or ()


RULES: dict[str, Rule] = {
    **dict.fromkeys(names(lambda row: row.elementwise), broadcast),
    **dict.fromkeys(names(lambda row: row.mixes == "axis"), mix(axis_of)),
    **dict.fromkeys(names(lambda row: row.mixes == "axes"), mix(axes_input)),
    **dict.fromkeys(names(lambda row: row.mixes == "from axis"), mix(trailing_axes)),
    **dict.fromkeys(("Conv", "AveragePool", "MaxPool", "LpPool"), slide),
    **dict.fromkeys(("Reshape", "Squeeze", "Unsqueeze", "Flatten"), fold),
    **dict.fromkeys(("Gemm", "MatMul"), product),
    "Concat": join,
    "Split": mix(axis_of),
    "Transpose": transpose,
    "Slice": cut,
    "Pad": pad,
}
