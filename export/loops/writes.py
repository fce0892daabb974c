"""`collect_writes`: a tensor that a loop writes place by place becomes a concatenation of what it writes.

torch writes ``out[:, t] = y`` as a ScatterElements on the tensor before; the next turn writes on its result.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from edgekit.export.loops.frame_reads import FrameRead, frame_read
from edgekit.graph.nodes import add_initializer, array_of, attribute, static_shape


@dataclass(frozen=True)
class Write:
    """`update` stands at frames ``[start, stop)`` of an axis of `base`."""

    base: ir.Value
    update: ir.Value
    axis: int
    start: int
    stop: int


def collect_writes(graph: ir.Graph) -> None:
    """Replace chains of writes in place, and reads of what they have written by its source."""
    writes = {node.outputs[0]: found for node in graph if (found := _write_of(node))}
    for node in list(graph):
        read = frame_read(node)
        if read is not None and read.source in writes:
            _skip_writes(graph, node, read, writes)
    for value, write in writes.items():
        if _is_last(value, writes):
            _join(graph, value, write.axis, writes)


def _is_last(value: ir.Value, writes: dict[ir.Value, Write]) -> bool:
    """Whether anything but the next write reads the result of a write."""
    readers = [reader for reader in value.consumers() if _base_of(reader, writes) is not value]
    return bool(readers) or value.is_graph_output()


def _base_of(node: ir.Node, writes: dict[ir.Value, Write]) -> ir.Value | None:
    write = writes.get(node.outputs[0])
    return None if write is None else write.base


def _write_of(node: ir.Node) -> Write | None:
    """Return what a ScatterElements with one index, or a ScatterND of whole frames, writes."""
    if node.op_type == "ScatterElements":
        return _one_index(node)
    return _frames(node) if node.op_type == "ScatterND" else None


def _one_index(node: ir.Node) -> Write | None:
    base, index, update = node.inputs[:3]
    shape, places = static_shape(base), array_of(index)
    if base is None or update is None or shape is None or places is None or not places.size:
        return None
    axis = int(attribute(node, "axis", 0)) % len(shape)
    if attribute(node, "reduction", "none") != "none":
        return None
    line = np.moveaxis(places, axis, 0).reshape(places.shape[axis], -1)
    start = int(line[0, 0]) % shape[axis]
    if not (line == start + np.arange(len(line))[:, None]).all():
        return None
    whole = [*shape[:axis], len(line), *shape[axis + 1 :]] == list(places.shape)
    return Write(base, update, axis, start, start + len(line)) if whole else None


def _frames(node: ir.Node) -> Write | None:
    """A ScatterND whose indices are consecutive frames of the first axis."""
    base, index, update = node.inputs[:3]
    shape, places = static_shape(base), array_of(index)
    if base is None or update is None or not shape or places is None:
        return None
    if attribute(node, "reduction", "none") != "none" or places.ndim != 2 or places.shape[1] != 1:
        return None
    start = int(places[0, 0]) % shape[0]
    if not (places[:, 0] == start + np.arange(len(places))).all():
        return None
    return Write(base, update, 0, start, start + len(places))


def _chain(value: ir.Value, writes: dict[ir.Value, Write]) -> Iterator[Write]:
    """The writes that make a value, the last one first."""
    while value in writes:
        yield writes[value]
        value = writes[value].base


def _skip_writes(
    graph: ir.Graph, node: ir.Node, read: FrameRead, writes: dict[ir.Value, Write]
) -> None:
    """Read what was written, or the tensor below writes that do not touch the place."""
    source: ir.Value | None = None
    for write in _chain(read.source, writes):
        if write.axis != read.axis or (write.start < read.stop and read.start < write.stop):
            if (write.axis, write.start, write.stop) == (read.axis, read.start, read.stop):
                _take(graph, node, read, write)
                return
            break
        source = write.base
    if source is not None:
        node.replace_input_with(0, source)


def _take(graph: ir.Graph, node: ir.Node, read: FrameRead, write: Write) -> None:
    output = node.outputs[0]
    if not read.drops_axis:
        output.replace_all_uses_with(write.update)
        return
    axes = add_initializer(graph, "axes", np.array([read.axis], np.int64))
    new = ir.node("Squeeze", [write.update, axes], name=f"{node.name}_written")
    new.outputs[0].shape, new.outputs[0].type = output.shape, output.type
    ir.convenience.replace_nodes_and_values(graph, node, [node], [new], [output], new.outputs)


def _join(graph: ir.Graph, value: ir.Value, axis: int, writes: dict[ir.Value, Write]) -> None:
    """A Concat of all that was written, where it fills the axis."""
    node, shape = value.producer(), static_shape(value)
    frames: dict[int, Write] = {}
    for write in _chain(value, writes):
        if write.axis != axis:
            return
        free = not any(n in frames for n in range(write.start, write.stop))
        if not free:
            return
        frames.update(dict.fromkeys(range(write.start, write.stop), write))
    if node is None or not shape or len(frames) != shape[axis]:
        return
    parts = list(dict.fromkeys(frames[n] for n in range(shape[axis])))
    new = ir.node(
        "Concat", [part.update for part in parts], {"axis": axis}, name=f"{node.name}_joined"
    )
    new.metadata_props.update(node.metadata_props)
    new.outputs[0].shape, new.outputs[0].type = value.shape, value.type
    ir.convenience.replace_nodes_and_values(graph, node, [], [new], [value], new.outputs)
