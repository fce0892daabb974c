"""`collect_writes`: a tensor that a loop writes place by place becomes a concatenation of what it writes.

torch writes ``out[:, t] = y`` as a ScatterElements on the tensor before; the next turn writes on its result.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Int64
from edgekit.export.loops.constants import constant
from edgekit.export.loops.frame_reads import FrameRead, frame_read
from edgekit.export.passes.assignments import places_of_rows
from edgekit.graph.nodes import array_of, attribute, static_shape

ENDS = 2  # of a tensor, that a loop may leave as they were


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
    """A ScatterND whose indices are consecutive frames of one axis, and all places of the axes before it."""
    base, update, shape = node.inputs[0], node.inputs[2], static_shape(node.inputs[0])
    found = places_of_rows(node)
    if base is None or update is None or not shape or not found:
        return None
    if attribute(node, "reduction", "none") != "none":
        return None
    *whole, last = sorted(found, key=lambda one: one.rows.size == shape[one.axis], reverse=True)
    start = int(last.rows[0])
    if any(not _is_run(one.rows, 0, shape[one.axis]) for one in whole):
        return None
    if not _is_run(last.rows, start, len(last.rows)):
        return None
    return Write(base, update, last.axis, start, start + len(last.rows))


def _is_run(rows: Int64, start: int, count: int) -> bool:
    return bool(np.array_equal(rows, start + np.arange(count)))


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
    axes = constant(graph, np.array([read.axis], np.int64), "axes")
    new = ir.node("Squeeze", [write.update, axes], name=f"{node.name}_written")
    new.outputs[0].shape, new.outputs[0].type = output.shape, output.type
    ir.convenience.replace_nodes_and_values(graph, node, [node], [new], [output], new.outputs)


def _join(graph: ir.Graph, value: ir.Value, axis: int, writes: dict[ir.Value, Write]) -> None:
    """A Concat of all that was written along one axis; what was not comes from the tensor below."""
    node, shape = value.producer(), static_shape(value)
    frames: dict[int, Write] = {}
    base = value
    for write in _chain(value, writes):
        places = range(write.start, write.stop)
        if write.axis != axis or not frames.keys().isdisjoint(places):
            return
        frames.update(dict.fromkeys(places, write))
        base = write.base
    runs = _runs(frames, shape[axis]) if shape else []
    gaps = [run for run in runs if isinstance(run, range)]
    if node is None or not runs or len(gaps) > ENDS:
        return
    _replace_by_concat(graph, node, base, axis, runs)


def _replace_by_concat(
    graph: ir.Graph, node: ir.Node, base: ir.Value, axis: int, runs: Sequence[Write | range]
) -> None:
    """Replace the last write by a Concat of all writes, and of slices of the tensor below for the gaps."""
    (value,) = node.outputs
    slices = [_rest(graph, node, base, axis, run) for run in runs if isinstance(run, range)]
    rest = iter(slices)
    parts = [next(rest).outputs[0] if isinstance(run, range) else run.update for run in runs]
    new = ir.node("Concat", parts, {"axis": axis}, name=f"{node.name}_joined")
    new.metadata_props.update(node.metadata_props)
    new.outputs[0].shape, new.outputs[0].type = value.shape, value.type
    ir.convenience.replace_nodes_and_values(graph, node, [], [*slices, new], [value], new.outputs)


def _runs(frames: dict[int, Write], size: int) -> list[Write | range]:
    """Return writes in the order of their frames, and ranges of frames that none of them has."""
    runs: list[Write | range] = []
    for n in range(size):
        last = runs[-1] if runs else None
        write = frames.get(n)
        if write is None and isinstance(last, range):
            runs[-1] = range(last.start, n + 1)
        elif write is None or write is not last:
            runs.append(range(n, n + 1) if write is None else write)
    return runs


def _rest(graph: ir.Graph, node: ir.Node, base: ir.Value, axis: int, run: range) -> ir.Node:
    """Return a Slice of frames that were not written."""
    bounds = [
        constant(graph, np.array([n], np.int64), "bound") for n in (run.start, run.stop, axis)
    ]
    new = ir.node("Slice", [base, *bounds], name=f"{node.name}_{run.start}_below")
    shape = list(static_shape(base) or ())
    shape[axis] = len(run)
    new.outputs[0].shape, new.outputs[0].type = ir.Shape(shape), base.type
    new.metadata_props.update(node.metadata_props)
    return new
