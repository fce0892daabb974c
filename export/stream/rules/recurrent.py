"""GRU, LSTM and RNN forward along time, and running sums."""

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.export.hop_runner import in_onnxruntime
from edgekit.export.stream.rewrite import Rewriter
from edgekit.export.stream.rules.elementwise import framewise
from edgekit.export.stream.rules.rule import StreamingRule
from edgekit.export.stream.track import StreamingRefused, Track
from edgekit.graph.model import Model
from edgekit.graph.nodes import array_of, attribute, static_shape


def recurrent(writer: Rewriter, node: ir.Node) -> None:
    """Keep h (and c); before frame 0 of a delayed stream they keep their start values."""
    track = writer.stream(node.inputs[0])
    if attribute(node, "layout", 0) or _stops_early(node):
        raise StreamingRefused(
            "sequence_lens or batch_first layout", "layout 0, whole sequences", "leave them out"
        )
    if track.axis == 1:
        framewise(writer, node)
        return
    if track.axis != 0:
        raise StreamingRefused(
            "time is its feature axis", "time as the sequence axis", "transpose before it"
        )
    direction = attribute(node, "direction", "forward")
    if direction != "forward":
        raise StreamingRefused(
            f"a {direction} recurrence over time, which needs the end first",
            "direction forward",
            "train it with bidirectional=False; over frequency both directions are fine",
        )
    unread = [value for value in node.outputs[1:] if value.uses() or value.is_graph_output()]
    if unread:
        writer.set(unread[0], unread[0], 0)  # refuses
    result = _run(writer, node, track)
    writer.set(node.outputs[0], result, track.delay, track, node=node)


def _stops_early(node: ir.Node) -> bool:
    """Whether sequence_lens stops before the last frame."""
    given = node.inputs[4] if len(node.inputs) > 4 else None
    if given is None:
        return False
    lengths, frames = array_of(given), (static_shape(node.inputs[0]) or (0,))[0]
    return lengths is None or bool((lengths != frames).any())


def _run(writer: Rewriter, node: ir.Node, track: Track) -> ir.Value:
    new, name = writer.new, str(node.name)
    starts = _starts(writer, node, track)
    output = node.outputs[0]
    states = [writer.state(output, f"{name}{part}", start.shape) for part, start in starts.items()]
    others = [None, *node.inputs[1:4], None, *node.inputs[5:], *[None] * 3]
    given = [writer.fixed(value) for value in others[:8]]
    begin = [
        constant if constant is not None else new.constant(start, f"{name}.zero")
        for constant, start in zip(given[5:], starts.values(), strict=False)
    ]
    past = [
        writer.from_start(state, start, f"{name}{suffix}")
        for state, (suffix, start) in zip(states, starts.items(), strict=True)
    ]
    parts = []
    for first, last, hops in _parts_of_hop(track):
        frames = track.value
        if last - first < track.frames:
            frames = new.slice(track.value, 0, first, last, f"{name}.frames")
        inputs = [frames, *given[1:4], None, *past, *given[5 + len(past) :]]
        part, *past = new.copy(node, inputs, outputs=1 + len(past))
        parts.append(part)
        if track.delay > 0:
            past = _held_before(writer, past, begin, hops, name)
    for state, value in zip(states, past, strict=True):
        new.carry(state, value)
    return parts[0] if len(parts) == 1 else new.one(f"{name}.parts", "Concat", *parts, axis=0)


def _parts_of_hop(track: Track) -> list[tuple[int, int, int]]:
    """First and last frame of each part of a hop, and the hops after which it is inside the stream."""
    whole, early = divmod(max(track.delay, 0), track.frames)
    parts = (0, early, whole + 1), (early, track.frames, whole)
    return [part for part in parts if part[0] != part[1]]


def _held_before(
    writer: Rewriter, past: Sequence[ir.Value], begin: Sequence[ir.Value], hops: int, name: str
) -> list[ir.Value]:
    """Return states after a part of a hop; the start states until `hops` hops have passed."""
    ready = writer.new.since(np.array([hops]), f"{name}.started")
    return [
        writer.new.one(f"{name}.held", "Where", ready, value, start)
        for value, start in zip(past, begin, strict=True)
    ]


def _starts(writer: Rewriter, node: ir.Node, track: Track) -> dict[str, Array]:
    """Return the start values of the states: the given ones, after the frames known before the stream."""
    suffixes = [".h", ".c"] if node.op_type == "LSTM" else [".h"]
    firsts = [*node.inputs[5:7], None, None][: len(suffixes)]
    if any(value is not None and array_of(value) is None for value in node.inputs[5:7]):
        raise StreamingRefused(
            "its first state follows from an input",
            "a constant first state",
            "give the state as an input of one hop, with --shape and --state",
        )
    hidden = int(attribute(node, "hidden_size", 0)) or (static_shape(node.inputs[2]) or (0,))[-1]
    zeros = np.zeros((1, track.shape[1], hidden), np.float32)
    given = (array_of(value) for value in firsts)
    starts = [zeros if array is None else array for array in given]
    if track.delay < 0:
        starts = _states_after_known_frames(writer, node, track, starts)
    return dict(zip(suffixes, starts, strict=True))


def _states_after_known_frames(
    writer: Rewriter, node: ir.Node, track: Track, starts: list[Array]
) -> list[Array]:
    """Return the states after the known frames."""
    frames = writer.known_context(track, -track.delay)
    values: list[ir.Value | None] = []
    initializers = []
    arrays = [frames, *(array_of(value) for value in node.inputs[1:4]), None, *starts]
    arrays += [array_of(value) for value in node.inputs[len(arrays) :]]
    for number, array in enumerate(arrays):
        if array is None:
            values.append(None)
            continue
        tensor = ir.Tensor(np.ascontiguousarray(array), name=f"i{number}")
        values.append(
            ir.Value(
                name=tensor.name,
                shape=ir.Shape(array.shape),
                type=ir.TensorType(tensor.dtype),
                const_value=tensor,
            )
        )
        initializers.append(values[-1])
    twin = ir.Node(
        "", node.op_type, values, list(node.attributes.values()), num_outputs=len(starts) + 1
    )
    for number, output in enumerate(twin.outputs):
        output.name, output.type = f"o{number}", ir.TensorType(ir.DataType.FLOAT)
    graph = ir.Graph(
        [],
        twin.outputs,
        nodes=[twin],
        initializers=[v for v in initializers if v],
        opset_imports={"": writer.new.graph.opset_imports[""]},
        name="start",
    )
    results = in_onnxruntime(Model(ir.Model(graph, ir_version=10)).to_bytes())({})
    return [results[f"o{number}"] for number in range(1, len(starts) + 1)]


def cumsum(writer: Rewriter, node: ir.Node) -> None:
    """Rewrite a running sum, which keeps its last value."""
    track, new, name = writer.stream(node.inputs[0]), writer.new, str(node.name)
    axis = array_of(node.inputs[1])
    if axis is None or int(axis.ravel()[0]) % len(track.shape) != track.axis:
        framewise(writer, node)
        return
    if attribute(node, "reverse", 0):
        raise StreamingRefused("it sums from the end", "a sum from the start", "set reverse=0")
    source = writer.zeroed(track, name, before=True, after=False)
    shape = list(track.shape)
    shape[track.axis] = 1
    state = writer.state(node.outputs[0], name, shape)
    start = writer.known_context(track, max(-track.delay, 0)).sum(track.axis, keepdims=True)
    past = writer.from_start(state, start, name)
    place = writer.fixed(node.inputs[1])
    sums = new.one(name, "CumSum", source.value, place)
    total = new.one(f"{name}.total", "Add", sums, past)
    new.carry(state, new.slice(total, track.axis, track.frames - 1, track.frames, f"{name}.keep"))
    # the sum up to a frame without it is known with the frame before it
    early = int(attribute(node, "exclusive", 0))
    writer.set(node.outputs[0], total, track.delay - early, track, node=node)


RULES = (
    StreamingRule("CumSum", cumsum),
    StreamingRule("GRU", recurrent),
    StreamingRule("LSTM", recurrent),
    StreamingRule("RNN", recurrent),
)
