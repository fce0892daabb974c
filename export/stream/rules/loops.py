"""Loops along time: one step for each frame of a hop, its states kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.export.stream.rewrite import Rewriter
from edgekit.export.stream.rules.elementwise import align_streams
from edgekit.export.stream.rules.rule import StreamingRule
from edgekit.export.stream.track import StreamingRefused, Track
from edgekit.export.stream.values import INSIDE
from edgekit.graph.model import FRONTEND_DOMAIN, LOOP
from edgekit.graph.nodes import array_of, attribute, is_read


@dataclass(frozen=True)
class Loop:
    """The parts of a loop's function.

    Attributes:
        body: one step: states and frames to next states and results.
        starts: start values of the states.
        scanned: what the steps read frame by frame, each with its axis of frames.
        shared: the body's name for what all steps read -> the value.
        axes: of frames in the results.
    """

    body: ir.Graph
    starts: Sequence[ir.Value]
    scanned: Sequence[tuple[ir.Value, int]]
    shared: Mapping[ir.Value, ir.Value]
    axes: Sequence[int]


def loop_of(writer: Rewriter, node: ir.Node) -> Loop:
    """Return the parts of a loop."""
    function = writer.functions[node.op_identifier()]
    (scan,) = function
    body, axes = scan.attributes["body"].as_graph(), attribute(scan, "scan_input_axes", ())
    inputs = [value for value in node.inputs if value is not None]
    states, count = len(body.inputs) - len(axes), len(body.inputs)
    shared = dict(zip(list(function.inputs)[count:], inputs[count:], strict=True))
    scanned = list(zip(inputs[states:count], axes, strict=True))
    return Loop(body, inputs[:states], scanned, shared, attribute(scan, "scan_output_axes", ()))


def loop(writer: Rewriter, node: ir.Node) -> None:
    """Run the step for each frame; before frame 0 of a delayed stream the states keep their start values.

    Results of the states before a frame are known with the frame before it; a stream that waits anyway uses that.
    """
    found, name, new = loop_of(writer, node), str(node.name), writer.new
    tracks = align_streams(writer, node)
    _check(found, tracks)
    tracks = {value: writer.delayed(track, 0, name) for value, track in tracks.items()}
    starts = [_start(value) for value in found.starts]
    states = _states(writer, node, starts)
    past = [writer.from_start(*pair, name) for pair in zip(states, starts, strict=True)]
    track = next(iter(tracks.values()))
    early = _results_of_states(found.body, len(states), track.delay)
    results = list[list[ir.Value]]()
    for frame in range(track.frames):
        items = [_item(writer, tracks, value, axis, frame, name) for value, axis in found.scanned]
        inputs = dict(zip(found.body.inputs, [*past, *items], strict=True))
        made = _run(writer, found, found.body.outputs, inputs, name)
        past = _held_before(writer, track, frame, made[: len(states)], starts, name)
        inputs |= dict(zip(found.body.inputs, past, strict=False))
        results.append(made[len(states) :])
        known = _run(writer, found, list(early.values()), inputs, name)
        for place, value in zip(early, known, strict=True):
            results[-1][place] = value
    for state, value in zip(states, past, strict=True):
        new.carry(state, value)
    delays = [track.delay - (number in early) for number in range(len(found.axes))]
    _set_outputs(writer, node, found.axes, delays, results, list(tracks.values()))


def _set_outputs(
    writer: Rewriter,
    node: ir.Node,
    axes: Sequence[int],
    delays: Sequence[int],
    results: Sequence[Sequence[ir.Value]],
    tracks: Sequence[Track],
) -> None:
    """Record the outputs of a loop at their delays; `results` holds those of each frame."""
    for number, (output, axis) in enumerate(zip(node.outputs, axes, strict=True)):
        if is_read(output):
            joined = _join_frames(writer, [one[number] for one in results], axis, str(node.name))
            writer.set(output, joined, delays[number], *tracks, node=node)


def _results_of_states(body: ir.Graph, states: int, delay: int) -> dict[int, ir.Value]:
    """Return the results, by number, of the states before a frame; none without a delay, which they could shorten."""
    if delay <= 0:
        return {}
    following = set(body.inputs[states:])
    for node in body:
        if following.intersection(value for value in node.inputs if value is not None):
            following.update(node.outputs)
    results = list(body.outputs)[states:]
    return {number: value for number, value in enumerate(results) if value not in following}


def _fixed_inputs(writer: Rewriter, found: Loop) -> dict[ir.Value, ir.Value | None]:
    return {inner: writer.fixed(value) for inner, value in found.shared.items()}


def _check(found: Loop, tracks: Mapping[ir.Value, Track]) -> None:
    if any(track.outer > 1 for track in tracks.values()):
        raise StreamingRefused(*INSIDE)
    for value, axis in found.scanned:
        track = tracks.get(value)
        if track is not None and track.axis != axis:
            raise StreamingRefused(
                "a loop over another axis than time",
                "a loop along time",
                "use one operator for all",
            )
    if not tracks or any(value in tracks for value in (*found.shared.values(), *found.starts)):
        raise StreamingRefused(
            "a loop along time whose steps read all of time",
            "steps that read frames up to their own",
            "read only the frames that a step needs, or use attention with a window",
        )


def _start(value: ir.Value) -> Array:
    array = array_of(value)
    if array is None:
        raise StreamingRefused(
            "its first state follows from an input",
            "a constant first state",
            "give the state as an input of one hop, with --shape and --state",
        )
    return np.asarray(array, np.float32)


def _item(
    writer: Rewriter,
    tracks: Mapping[ir.Value, Track],
    value: ir.Value,
    axis: int,
    frame: int,
    name: str,
) -> ir.Value:
    """Return one frame of a stream, or of a constant along time, without its axis."""
    new, track = writer.new, tracks.get(value)
    if track is None:
        aligned = next(iter(tracks.values()))
        time, rank = writer.facts.time(value), len(value.shape or ())
        whole = None if time is None else writer.operand(value, time, rank, aligned.delay)
        frames = aligned.frames
    else:
        whole, frames = track.value, track.frames
    assert whole is not None
    if frames > 1:
        whole = new.slice(whole, axis, frame, frame + 1, f"{name}.frame")
    axes = new.constant([axis], f"{name}.axis", np.int64)
    return new.one(f"{name}.item", "Squeeze", whole, axes)


def _run(
    writer: Rewriter,
    found: Loop,
    wanted: Sequence[ir.Value],
    inputs: Mapping[ir.Value, ir.Value],
    name: str,
) -> list[ir.Value]:
    """Write the nodes of one step that make the values that are wanted, and return these."""
    if not wanted:
        return []
    made = {**_constants(writer, found.body, name), **inputs, **_fixed_inputs(writer, found)}
    for node in _nodes_of(found.body, wanted):
        operands = [None if value is None else made[value] for value in node.inputs]
        made.update(zip(node.outputs, writer.new.copy(node, operands), strict=True))
    return [value for one in wanted if (value := made[one]) is not None]


def _nodes_of(body: ir.Graph, wanted: Sequence[ir.Value]) -> list[ir.Node]:
    """Return the nodes that values follow from, in order, without constants."""
    needed, nodes = set(wanted), []
    for node in reversed(body):
        if needed.intersection(node.outputs):
            needed.update(value for value in node.inputs if value is not None)
            nodes.append(node)
    return [node for node in reversed(nodes) if node.op_type != "Constant"]


def _constants(writer: Rewriter, body: ir.Graph, name: str) -> dict[ir.Value, ir.Value | None]:
    arrays = {value: array_of(value) for value in body.initializers.values()}
    arrays |= {node.outputs[0]: _array(node) for node in body if node.op_type == "Constant"}
    return {
        value: writer.new.constant(array, f"{name}.constant", array.dtype)
        for value, array in arrays.items()
        if array is not None
    }


def _array(constant: ir.Node) -> Array:
    ((name, attribute),) = constant.attributes.items()
    if name == "value":
        return attribute.as_tensor().numpy()
    return np.asarray(attribute.value, np.int64 if "int" in name else np.float32)


def _states(writer: Rewriter, node: ir.Node, starts: Sequence[Array]) -> list[ir.Value]:
    """Return new states of a loop, for values of these shapes."""
    return [
        writer.state(node.outputs[0], f"{node.name}.{number}", start.shape)
        for number, start in enumerate(starts)
    ]


def _held_before(
    writer: Rewriter,
    track: Track,
    frame: int,
    following: Sequence[ir.Value],
    starts: Sequence[Array],
    name: str,
) -> list[ir.Value]:
    """Return the states after a frame; the start values if it lies before frame 0."""
    hops = -((frame - track.delay) // track.frames)
    if hops <= 0:
        return list(following)
    ready = writer.new.since(np.array([hops]), f"{name}.started")
    return [
        writer.new.one(
            f"{name}.held", "Where", ready, value, writer.new.constant(start, f"{name}.zero")
        )
        for value, start in zip(following, starts, strict=True)
    ]


def _join_frames(writer: Rewriter, results: Sequence[ir.Value], axis: int, name: str) -> ir.Value:
    new = writer.new
    axes = new.constant([axis], f"{name}.axis", np.int64)
    rows = [new.one(f"{name}.row", "Unsqueeze", value, axes) for value in results]
    return rows[0] if len(rows) == 1 else new.one(f"{name}.frames", "Concat", *rows, axis=axis)


RULES = (StreamingRule(LOOP, loop, domain=FRONTEND_DOMAIN),)
