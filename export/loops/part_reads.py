"""`read_parts`: a read of one part of a Concat, as of ``torch.stack((h, c)).unbind()``, reads the part itself."""

from itertools import accumulate, pairwise

import numpy as np
import onnx_ir as ir

from edgekit.export.loops.constants import constant
from edgekit.export.loops.frame_reads import FrameRead, frame_read
from edgekit.graph.nodes import array_of, attribute, static_shape


def read_parts(graph: ir.Graph) -> None:
    """Replace reads of whole parts in place; a Reshape to the same shape passes its input on."""
    for node in list(graph):
        if node.op_type == "Reshape" and _keeps_shape(node):
            _use(node.outputs[0], node.inputs[0])
            continue
        read = frame_read(node)
        part = None if read is None else _part_of(read)
        if read is not None and part is not None:
            _use(node.outputs[0], _without_axis(graph, node, part, read))


def _keeps_shape(node: ir.Node) -> bool:
    shape = static_shape(node.outputs[0])
    return shape is not None and shape == static_shape(node.inputs[0])


def _use(old: ir.Value, new: ir.Value | None) -> None:
    if new is not None and not old.is_graph_output():
        old.replace_all_uses_with(new)


def _part_of(read: FrameRead) -> ir.Value | None:
    """Return the part of a Concat that a read takes as a whole."""
    node, shape = read.source.producer(), static_shape(read.source)
    if node is None or node.op_type != "Concat" or not shape:
        return None
    if int(attribute(node, "axis", 0)) % len(shape) != read.axis:
        return None
    sizes = [(static_shape(value) or ())[read.axis : read.axis + 1] for value in node.inputs]
    if () in sizes:
        return None
    ends = [0, *accumulate(size for (size,) in sizes)]
    parts = dict(zip(pairwise(ends), node.inputs, strict=True))
    return parts.get((read.start, read.stop))


def _without_axis(
    graph: ir.Graph, node: ir.Node, part: ir.Value, read: FrameRead
) -> ir.Value | None:
    """Return a part as a read gives it."""
    if not read.drops_axis:
        return part
    producer = part.producer()
    if producer is not None and producer.op_type == "Unsqueeze":
        axes = array_of(producer.inputs[1])
        if axes is not None and axes.ravel().tolist() == [read.axis]:
            return producer.inputs[0]
    axis = constant(graph, np.array([read.axis], np.int64), "axes")
    new = ir.node("Squeeze", [part, axis], name=f"{node.name}_part")
    new.metadata_props.update(node.metadata_props)
    new.outputs[0].shape, new.outputs[0].type = node.outputs[0].shape, node.outputs[0].type
    graph.insert_before(node, new)
    return new.outputs[0]
