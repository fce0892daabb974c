"""Rewrites the nodes after a mean that has become one number per frame: each keeps the frames apart."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import onnx_ir as ir

from edgekit.export.passes.chain import Chain
from edgekit.export.stream.replace.instance import Grown, Instance, Shape, append_time_constant
from edgekit.export.stream.rules.elementwise import axes_input, axis_of, spatial_axes, trailing_axes
from edgekit.export.stream.tensor_timing import TimeAxis
from edgekit.export.stream.track import StreamingRefused
from edgekit.export.stream.windows import Cut, paddings, per_axis, slice_of, sliding_of, spatial
from edgekit.graph.facts import facts_of
from edgekit.graph.nodes import attribute

ALLOWED = "layers after it that work frame by frame"
STEP = "give the mean as an output of its own, or train this part on frames"
Operand = tuple[ir.Value | None, Shape, TimeAxis | None]
# which axes a node mixes, by its word of `Facts.mixes`
AXES_OF: Mapping[str | None, Callable[[ir.Node, int], Sequence[int]]] = {
    "axis": axis_of,
    "axes": axes_input,
    "spatial": spatial_axes,
    "from axis": trailing_axes,
}


def grow(instance: Instance, node: ir.Node) -> None:
    """Add frames to the outputs of a node that reads grown values.

    Raises:
        Refused: the node joins frames, or the frames of its operands have other rates.
    """
    facts = facts_of(node)
    if node.domain:
        raise StreamingRefused("it reads a mean that has become one per frame", ALLOWED, STEP)
    if facts.elementwise:
        _pointwise(instance, node)
    elif node.op_type == "Expand":
        _expand(instance, node)
    elif node.op_type == "Concat":
        _concat(instance, node)
    elif node.op_type == "Transpose":
        _transpose(instance, node)
    elif facts.moves == "renames":
        _reshape(instance, node)
    elif facts.linear:
        _layer(instance, node)
    else:
        _framewise(instance, node)


def _keep(instance: Instance, node: ir.Node, shape: tuple[int, ...], grown: Grown | None) -> None:
    for output in node.outputs:
        instance.note(output, shape, grown)


def _pointwise(instance: Instance, node: ir.Node) -> None:
    """Rewrite a pointwise node: frames of one operand meet those of the other on the same axis."""
    operands = [(v, instance.shape(v), instance.time(v)) for v in node.inputs]
    grown = _align_frames(instance, node, operands)
    shape = np.broadcast_shapes(*map(instance.shape, node.inputs))
    _keep(instance, node, shape, _counted_from_left(grown, len(shape)))


def _expand(instance: Instance, node: ir.Node) -> None:
    x, sizes = node.inputs
    made, time = instance.shape(node.outputs[0]), instance.time(node.outputs[0])
    operands = [(x, instance.shape(x), instance.time(x)), (sizes, made, time)]
    grown = _align_frames(instance, node, operands)
    shape = np.broadcast_shapes(instance.shape(node.inputs[0]), made)
    chain = Chain(instance.graph, node)
    chain.add("Expand", node.inputs[0], chain.constant(shape, np.int64))
    instance.finish(chain, shape, _counted_from_left(grown, len(shape)))


def _counted_from_left(grown: Grown | None, rank: int) -> Grown | None:
    return None if grown is None else replace(grown, axis=grown.axis % rank)


def _align_frames(instance: Instance, node: ir.Node, operands: Sequence[Operand]) -> Grown | None:
    """Move the frames of all operands to one axis.

    Returns:
        The grown form of the result, its axis counted from the right; None if it had frames before.
    """
    rank = max(len(shape) for _, shape, _ in operands)
    timed = _time_axes_of_operands(instance, operands)
    sources = _grown_operands(instance, node)
    first, grown = next(iter(sources.items()))
    frames = instance.shape(first)[grown.axis]
    target = next(iter(timed), min(g.axis - len(instance.shape(v)) for v, g in sources.items()))
    if timed and timed[target] != frames:
        raise StreamingRefused(
            "its mean has frames of another rate", "one rate", "pool at the rate of use"
        )
    for number, value in enumerate(list(node.inputs)):
        if value in sources:
            _move_time_axis(instance, node, number, target, rank)
        elif (line := instance.number(value)) is not None:
            node.replace_input_with(number, _grow_count(instance, node, line, grown, target, rank))
    return None if timed else replace(grown, axis=target)


def _grown_operands(instance: Instance, node: ir.Node) -> dict[ir.Value, Grown]:
    """Return the inputs of a node that have become one number per frame."""
    return {
        value: grown
        for value in node.inputs
        if value is not None and (grown := instance.grown.get(value))
    }


def _time_axes_of_operands(instance: Instance, operands: Sequence[Operand]) -> dict[int, int]:
    """Return the axis along which operands had frames before, counted from the right, and how many."""
    timed = {
        time.axis - len(shape): shape[time.axis]
        for value, shape, time in operands
        if time is not None and value not in instance.grown
    }
    if len(timed) > 1:
        raise StreamingRefused("time is on several axes", ALLOWED, STEP)
    return timed


def _move_time_axis(instance: Instance, node: ir.Node, number: int, target: int, rank: int) -> None:
    """Move the frames of an operand to the axis `target`, counted from the right."""
    value = node.inputs[number]
    assert value is not None
    grown, shape = instance.grown[value], instance.shape(value)
    if grown.axis - len(shape) == target:
        return
    wide = (*[1] * (rank - len(shape)), *shape)
    axis, to = grown.axis + rank - len(shape), target % rank
    if wide[to] != 1:
        raise StreamingRefused(
            "its frames meet another axis than time", "time on the same axis", STEP
        )
    order = list(range(rank))
    order[axis], order[to] = to, axis
    name = f"{node.name}_frames{number}"
    dims = Chain(instance.graph, node).constant(wide, np.int64)
    widened = ir.node("Reshape", [value, dims], name=f"{name}_wide")
    turned = ir.node("Transpose", [widened.outputs[0]], {"perm": order}, name=name)
    instance.graph.insert_before(node, [widened, turned])
    result = turned.outputs[0]
    result.name, widened.outputs[0].name = f"{name}_y", f"{name}_wide_y"
    made = tuple(wide[n] for n in order)
    instance.note(result, made, replace(grown, axis=to))
    node.replace_input_with(number, result)


def _grow_count(
    instance: Instance,
    node: ir.Node,
    line: tuple[float, float],
    grown: Grown,
    target: int,
    rank: int,
) -> ir.Value:
    """Return a number that followed the length, computed for the frames so far; values of 0 or less become 1."""
    frames = next(
        instance.shape(v)[g.axis] for v, g in instance.grown.items() if g.time == grown.time
    )
    rate, offset = float(grown.time.rate), grown.time.offset
    slope, start = line[0] / rate, line[1] - line[0] * offset / rate
    count = (np.arange(1, frames + 1) * slope + start).astype(np.float32)
    steps = []
    if count[0] <= 0 < slope:
        steps.append(("Max", 1.0))
    if grown.window is not None:
        steps.append(("Min", grown.window * slope + start))
    chain = Chain(instance.graph, node)
    return append_time_constant(instance, chain, count, target % rank, rank, *steps)


def _concat(instance: Instance, node: ir.Node) -> None:
    shape = instance.shape(node.outputs[0])
    time = instance.time(node.outputs[0])
    grown = next(iter(_grown_operands(instance, node).values()))
    axis = time.axis if time is not None else grown.axis
    if axis == int(attribute(node, "axis", 0)) % len(shape):
        raise StreamingRefused("it joins frames", ALLOWED, STEP)
    frames = 0
    for number, value in enumerate(list(node.inputs)):
        if value in instance.grown:
            _move_time_axis(instance, node, number, axis - len(shape), len(shape))
            frames = instance.shape(node.inputs[number])[axis]
    for number in range(len(node.inputs)):
        _repeat_frame(instance, node, number, axis, frames)
    made = tuple(frames if n == axis else size for n, size in enumerate(shape))
    _keep(instance, node, made, None if time is not None else replace(grown, axis=axis))


def _repeat_frame(instance: Instance, node: ir.Node, number: int, axis: int, frames: int) -> None:
    """Repeat an operand of one frame to `frames`."""
    value = node.inputs[number]
    shape = instance.shape(value)
    if shape[axis] == frames:
        return
    if shape[axis] != 1:
        raise StreamingRefused("its mean has frames of another rate", "one rate", STEP)
    wide = tuple(frames if n == axis else size for n, size in enumerate(shape))
    dims = Chain(instance.graph, node).constant(wide, np.int64)
    spread = ir.node("Expand", [value, dims], name=f"{node.name}_spread{number}")
    spread.outputs[0].name = f"{node.name}_spread{number}_y"
    instance.graph.insert_before(node, spread)
    node.replace_input_with(number, spread.outputs[0])


def _reshape(instance: Instance, node: ir.Node) -> None:
    """Rewrite a Reshape that adds or removes axes of size 1; the frames stay between the same elements."""
    value = node.inputs[0]
    assert value is not None
    grown, shape = instance.grown[value], instance.shape(value)
    target = instance.shape(node.outputs[0])
    chain = Chain(instance.graph, node)
    if int(np.prod(target)) == 1 and len(target) <= len(shape):
        chain.add("Identity", value)
        instance.finish(chain, shape, grown)
        return
    axis = _axis_after_reshape(shape, grown.axis, target)
    wide = tuple(shape[grown.axis] if n == axis else size for n, size in enumerate(target))
    chain.reshape(value, wide)
    instance.finish(chain, wide, replace(grown, axis=axis))


def _axis_after_reshape(shape: Shape, axis: int, target: Shape) -> int:
    """Return the axis of size 1 that takes the frames, if possible with as many elements after it as before."""
    before = int(np.prod(shape[:axis]))
    places = [n for n, size in enumerate(target) if size == 1 and np.prod(target[:n]) == before]
    if not places:
        raise StreamingRefused("it joins the frames with another axis", ALLOWED, STEP)
    if before == 1 and axis == 0 and 0 in places:
        return 0
    behind = len(shape) - axis
    return min(places, key=lambda n: abs(len(target) - n - behind))


def _transpose(instance: Instance, node: ir.Node) -> None:
    value = node.inputs[0]
    assert value is not None
    grown, shape = instance.grown[value], instance.shape(value)
    perm = list(attribute(node, "perm", range(len(shape))[::-1]))
    made = tuple(shape[n] for n in perm)
    _keep(instance, node, made, replace(grown, axis=perm.index(grown.axis)))


def _layer(instance: Instance, node: ir.Node) -> None:
    """Rewrite a layer whose frames are its batch, its rows, or an axis along which it is one frame wide."""
    found = "its weights are a mean that has become one per frame"
    grown, shape = _first_grown_input(instance, node, found)
    if any(weight in instance.grown for weight in node.inputs[1:]):
        raise StreamingRefused(found, ALLOWED, STEP)
    result = instance.shape(node.outputs[0])
    convolves = facts_of(node).slides
    axis = grown.axis + len(result) - len(shape)
    rows = grown.axis == 0 if convolves else grown.axis < len(shape) - 1
    narrow = convolves and grown.axis >= 2 and _one_wide(node, grown.axis)
    if not rows and not narrow:
        raise StreamingRefused("it joins frames", ALLOWED, STEP)
    made = tuple(shape[grown.axis] if n == axis else size for n, size in enumerate(result))
    _keep(instance, node, made, replace(grown, axis=axis))


def _first_grown_input(instance: Instance, node: ir.Node, found: str) -> tuple[Grown, Shape]:
    """Return the grown form of the first input and its shape; refuse with `found` if it did not change."""
    first = node.inputs[0]
    if first is None or first not in instance.grown:
        raise StreamingRefused(found, ALLOWED, STEP)
    return instance.grown[first], instance.shape(first)


def _one_wide(node: ir.Node, axis: int) -> bool:
    place, window = axis - 2, sliding_of(node, axis)
    behind = paddings(node)[place + spatial(node)]
    return (window.reach, window.left, behind, per_axis(node, "strides")[place]) == (0, 0, 0, 1)


def _framewise(instance: Instance, node: ir.Node) -> None:
    """Rewrite a node that mixes or cuts only axes other than that of the frames."""
    mixes = facts_of(node).mixes
    if facts_of(node).moves == "copies":
        _cut(instance, node)
        return
    found = "it reads a mean that has become one per frame"
    if mixes not in AXES_OF:
        raise StreamingRefused(found, ALLOWED, STEP)
    grown, shape = _first_grown_input(instance, node, found)
    axes = AXES_OF[mixes](node, len(shape))
    result = instance.shape(node.outputs[0])
    if grown.axis in axes:
        raise StreamingRefused("it sums up all of time a second time", ALLOWED, STEP)
    axis = grown.axis
    if len(result) < len(shape):
        axis -= sum(n < axis for n in axes)
    made = tuple(shape[grown.axis] if n == axis else size for n, size in enumerate(result))
    _keep(instance, node, made, replace(grown, axis=axis))


def _cut(instance: Instance, node: ir.Node) -> None:
    """Rewrite a cut of other axes."""
    grown, shape = _first_grown_input(instance, node, "its places follow from a mean")
    axis = grown.axis
    if node.op_type == "Gather":
        own = int(attribute(node, "axis", 0)) % len(shape)
        index = len(instance.shape(node.inputs[1]))
        axis += index - 1 if own < axis else 0
        cut = own == grown.axis
    elif node.op_type == "Slice":
        cut = slice_of(node, axis, 1) != Cut(0, 1, 1)
    else:
        cut = int(attribute(node, "axis", 0)) % len(shape) == axis
    if cut:
        raise StreamingRefused("it picks frames", ALLOWED, STEP)
    for output in node.outputs:
        made = list(instance.shape(output))
        made[axis] = shape[grown.axis]
        instance.note(output, tuple(made), replace(grown, axis=axis))
