"""Step groups: one network with a row of scales for each group of steps, chosen by an input at run time.

The file holds a table for every constant that differs between groups, and reads the group's row of it. So it runs in
onnxruntime without changes. A target that needs constants uses the network of one group.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.base.errors import ModelError, Problem
from edgekit.graph.model import Model
from edgekit.graph.nodes import add_initializer, array_of, unused_name, value_names

GROUP = "group"  # the input
CHOSEN = "edgekit.group_of"  # metadata of a node that reads a group's row


def stack_groups(models: Sequence[Model]) -> Model:
    """Merge networks that differ in constants only into one; its input ``group`` (1,) selects the constants.

    Metadata is that of the first; its step table, if any, reads the input.

    Raises:
        ModelError: the networks differ in more than the content of constants.
    """
    if problems := _differences(models):
        raise ModelError(problems)
    copy = models[0].ir.clone()
    name = _append_rows(copy.graph, [model.ir.graph for model in models])
    made = Model(copy)
    table = made.sampler
    if table is None:
        return made
    return made.describe(sampler=table.with_(roles=replace(table.roles, group=name)).facts())


def _append_rows(graph: ir.Graph, graphs: Sequence[ir.Graph]) -> str:
    """Replace each constant that differs by the group's row of a table; return the name of the new input."""
    name = unused_name(value_names(graph), GROUP)
    group = ir.Value(name=name, shape=ir.Shape((1,)), type=ir.TensorType(ir.DataType.INT64))
    graph.inputs.append(group)
    scalar = add_initializer(graph, f"{name}.scalar", np.zeros(0, np.int64))
    index = ir.node("Reshape", [group, scalar], name=f"{name}.index")
    index.outputs[0].name = f"{name}.number"
    index.outputs[0].shape, index.outputs[0].type = ir.Shape(()), group.type
    nodes = [index]
    others = [other.initializers for other in graphs]
    for key, value in list(graph.initializers.items()):
        rows = [array_of(found[key]) for found in others if key in found]
        if key in others[0] and any(not _same_array(rows[0], row) for row in rows[1:]):
            nodes.append(_row(graph, value, np.stack([r for r in rows if r is not None]), index))
    graph.insert_before(graph[0], nodes)
    return name


def group_count(model: Model) -> int:
    """Return the number of groups of a network; 1 if it has none."""
    return min((len(table) for _, table in _rows(model)), default=1)


def group_input(model: Model) -> ir.Value | None:
    """Return the input that selects the group, if there is one."""
    for node, _ in _rows(model):
        index = node.inputs[1]
        reshape = None if index is None else index.producer()
        return None if reshape is None else reshape.inputs[0]
    return None


def _rows(model: Model) -> list[tuple[ir.Node, Array]]:
    """Return the nodes that read a group's row, and their tables."""
    nodes = [node for node in model.ir.graph if CHOSEN in node.metadata_props and _chooses(node)]
    return [(n, table) for n in nodes if (table := array_of(n.inputs[0])) is not None]


def _chooses(node: ir.Node) -> bool:
    """Whether a node, of a file of any origin, reads a row of a table by an input of the network."""
    index = node.inputs[1] if node.op_type == "Gather" and len(node.inputs) == 2 else None
    reshape = None if index is None else index.producer()
    if reshape is None or reshape.op_type != "Reshape" or len(reshape.inputs) != 2:
        return False
    given = reshape.inputs[0]
    return given is not None and given.is_graph_input() and given.consumers() == (reshape,)


def select_group(model: Model, group: int) -> Model:
    """Return the network of one group, without the input; a network without groups is returned unchanged.

    Raises:
        ModelError: there is no such group.
    """
    count = group_count(model)
    if not _rows(model):
        return model
    if not 0 <= group < count:
        raise ModelError(
            Problem("step group", str(group), f"0 to {count - 1}", "correct the step table")
        )
    copy = Model(model.ir.clone())
    graph, rows = copy.ir.graph, _rows(copy)
    given = group_input(copy)
    for node, table in rows:
        old, data = node.outputs[0], node.inputs[0]
        name, old.name = str(node.metadata_props[CHOSEN]), f"{old.name}.old"
        constant = add_initializer(graph, name, table[group])
        old.replace_all_uses_with(constant, replace_graph_outputs=True)
        graph.remove(node, safe=True)
        if data is not None and not data.uses():
            del graph.initializers[str(data.name)]
    assert given is not None
    (reshape,) = given.consumers()
    shape = reshape.inputs[1]
    graph.remove(reshape, safe=True)
    graph.inputs.remove(given)
    if shape is not None:
        del graph.initializers[str(shape.name)]
    return copy


def _row(graph: ir.Graph, value: ir.Value, rows: Array, index: ir.Node) -> ir.Node:
    """Replace a constant by the group's row of a table for all its readers."""
    name = str(value.name)
    table = add_initializer(graph, f"{name}.groups", rows)
    node = ir.node("Gather", [table, index.outputs[0]], {"axis": 0}, name=f"{name}.group")
    result = node.outputs[0]
    result.shape, result.type = ir.Shape(rows.shape[1:]), value.type
    value.replace_all_uses_with(result)
    del graph.initializers[name]
    result.name = name
    node.metadata_props[CHOSEN] = name
    return node


def _same_array(a: Array | None, b: Array | None) -> bool:
    return a is not None and b is not None and np.array_equal(a, b)


def _differences(models: Sequence[Model]) -> list[Problem]:
    """Return the first difference of each network from the first one, apart from the content of constants."""
    found = []
    for number, model in enumerate(models[1:], 1):
        pairs = zip(_structure(models[0]), _structure(model), strict=False)
        other = next(((a, b) for a, b in pairs if a != b), None)
        if other is None and len(_structure(models[0])) == len(_structure(model)):
            continue
        what = "another number of nodes" if other is None else f"{other[1][:200]}"
        allowed = "the network of group 0" if other is None else f"{other[0][:200]}, as in group 0"
        step = "quantize all groups with one recipe and one set of weights"
        found.append(Problem(f"step group {number}", what, allowed, step))
    return found


def _structure(model: Model) -> list[str]:
    """Nodes and constants without content, a line each."""
    graph = model.ir.graph
    lines = [
        f"{node.domain} {node.op_type} {[v and v.name for v in node.inputs]} "
        f"{[v.name for v in node.outputs]} {sorted(map(str, node.attributes.values()))}"
        for node in graph
    ]
    constants = [
        f"{name} {value.dtype} {value.shape}" for name, value in sorted(graph.initializers.items())
    ]
    return lines + constants
