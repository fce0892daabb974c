"""`normalise`: an export whose turns of a loop are written alike, so that they can be compared node by node.

Integers are folded, but no numbers: the first turn keeps its arithmetic on the start state. Equal nodes become one.
A Split becomes slices, and a tensor that is written frame by frame a concatenation of what is written.
"""

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir
from onnx_ir.passes import common
from onnxscript import optimizer

from edgekit.export.loops.constants import constant
from edgekit.export.loops.part_reads import read_parts
from edgekit.export.loops.writes import collect_writes
from edgekit.export.passes.fold import NO_LIMIT
from edgekit.export.passes.shapes import InferShapes
from edgekit.graph.nodes import array_of, attribute, static_shape

ROUNDS = 4  # at most: sizes that follow from folded integers fold other ones
INTEGERS = (ir.DataType.INT64, ir.DataType.INT32, ir.DataType.BOOL)


def normalise(model: ir.Model) -> None:
    """Write an export in this form, in place."""
    for _ in range(ROUNDS):
        before = len(model.graph)
        fold_integers(model)
        if len(model.graph) == before:
            break
    common.IdentityEliminationPass()(model)
    _merge_equal(model)
    InferShapes()(model)
    _slice_instead_of_split(model.graph)
    read_parts(model.graph)
    collect_writes(model.graph)
    _flatten_concats(model.graph)
    common.RemoveUnusedNodesPass()(model)
    _merge_equal(model)
    InferShapes()(model)


def fold_integers(model: ir.Model) -> None:
    """Fold what follows from shapes, in place; constants become initializers."""
    InferShapes()(model)
    optimizer.fold_constants_ir(
        model,
        onnx_shape_inference=False,
        input_size_limit=NO_LIMIT,
        output_size_limit=NO_LIMIT,
        should_fold=_is_integer,
    )
    common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(model)


def _is_integer(node: ir.Node) -> bool:
    return all(output.dtype in INTEGERS for output in node.outputs)


def _merge_equal(model: ir.Model) -> None:
    """Merge equal constants, then the nodes that compute the same."""
    seen: dict[tuple[object, ...], ir.Value] = {}
    for name, value in list(model.graph.initializers.items()):
        array = array_of(value)
        if array is None or value.is_graph_output():
            continue
        key = array.shape, str(array.dtype), array.tobytes()
        same = seen.setdefault(key, value)
        if same is not value:
            value.replace_all_uses_with(same)
            del model.graph.initializers[name]
    common.CommonSubexpressionEliminationPass()(model)


def _slice_instead_of_split(graph: ir.Graph) -> None:
    for node in list(graph):
        sizes = _sizes_of_split(node) if node.op_type == "Split" and not node.domain else None
        if sizes is None:
            continue
        axis, place, new = int(attribute(node, "axis", 0)), 0, []
        for output, size in zip(node.outputs, sizes, strict=True):
            bounds = [
                constant(graph, np.array([n], np.int64), "bound")
                for n in (place, place + size, axis)
            ]
            new.append(ir.node("Slice", [node.inputs[0], *bounds], name=f"{node.name}_{place}"))
            new[-1].outputs[0].shape, new[-1].outputs[0].type = output.shape, output.type
            new[-1].metadata_props.update(node.metadata_props)
            place += size
        made = [one.outputs[0] for one in new]
        ir.convenience.replace_nodes_and_values(graph, node, [node], new, node.outputs, made)


def _sizes_of_split(node: ir.Node) -> Sequence[int] | None:
    axis = int(attribute(node, "axis", 0))
    shapes = [static_shape(output) for output in node.outputs]
    return None if None in shapes else [(shape or ())[axis] for shape in shapes]


def _flatten_concats(graph: ir.Graph) -> None:
    """A Concat that only another one along the same axis reads becomes part of it."""
    for node in list(graph):
        if node.op_type != "Concat":
            continue
        parts = [part for value in node.inputs for part in _parts(value, node)]
        if len(parts) > len(node.inputs):
            new = ir.node("Concat", parts, {"axis": attribute(node, "axis", 0)}, name=node.name)
            new.metadata_props.update(node.metadata_props)
            new.outputs[0].shape, new.outputs[0].type = node.outputs[0].shape, node.outputs[0].type
            ir.convenience.replace_nodes_and_values(
                graph, node, [node], [new], node.outputs, new.outputs
            )


def _parts(value: ir.Value | None, reader: ir.Node) -> Sequence[ir.Value | None]:
    node = None if value is None else value.producer()
    if value is None or node is None or not _can_join(node, reader):
        return [value]
    return [part for inner in node.inputs for part in _parts(inner, node)]


def _can_join(node: ir.Node, reader: ir.Node) -> bool:
    """Whether a Concat has one reader, a Concat along the same axis."""
    value = node.outputs[0]
    if node.op_type != "Concat" or value.is_graph_output() or list(value.consumers()) != [reader]:
        return False
    rank = max(len(static_shape(value) or ()), 1)
    axes = {int(attribute(one, "axis", 0)) % rank for one in (node, reader)}
    return len(axes) == 1
