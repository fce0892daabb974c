"""States are kept in the parts that are read.

A state of which a hop reads a part is that part alone. Some exporters keep a whole window, drop its oldest frames in
the next hop, and then append new ones. A layer of several kernel sizes splits the channels of its window and gives
each part to a kernel of its own: a state for each part can be a ring.
"""

from dataclasses import dataclass

import onnx_ir as ir

from edgekit.graph.model import Model, StatePair
from edgekit.graph.nodes import attribute, unused_name, value_names
from edgekit.operators.geometry import dims
from edgekit.targets.c.rewrite.narrow import state_concat


@dataclass(frozen=True)
class SplitWindow:
    """A state, the window that it is part of, the Slice that is the next state, and the Split of the window."""

    pair: StatePair
    window: ir.Node
    keep: ir.Node
    split: ir.Node


def cut_states(model: Model) -> Model:
    """Return the model with states that have no more than the Slice takes that alone reads them."""
    graph_model = model.ir.clone()
    graph = graph_model.graph
    pairs: list[StatePair] = []
    for pair in model.states:
        cut = None if pair.input == model.end_state else _only_slice(graph, pair)
        pairs += [pair] if cut is None else [_cut(graph, pair, cut)]
    return Model(graph_model).describe(states=pairs)


def _only_slice(graph: ir.Graph, pair: StatePair) -> ir.Node | None:
    old, _ = _ends(graph, pair)
    users = [use.node for use in old.uses()]
    if old.is_graph_output() or [(node.op_type, node.domain) for node in users] != [("Slice", "")]:
        return None
    (cut,) = users
    return None if cut.outputs[0].is_graph_output() else cut


def _cut(graph: ir.Graph, pair: StatePair, cut: ir.Node) -> StatePair:
    """Let a state be what a Slice takes of it: the Slice moves to the end of the hop."""
    old, new = _ends(graph, pair)
    part, bounds = cut.outputs[0], cut.inputs[1:]
    names = value_names(graph)
    before, after = (
        ir.Value(name=unused_name(names, f"{v.name}.cut"), shape=part.shape, type=part.type)
        for v in (old, new)
    )
    for value in (before, after):
        value.metadata_props.update(old.metadata_props)
    attributes = list(cut.attributes.values())
    graph.append(ir.Node("", "Slice", [new, *bounds], attributes, outputs=[after], name=cut.name))
    ir.convenience.replace_all_uses_with(part, before)
    graph.inputs[graph.inputs.index(old)] = before
    graph.outputs[graph.outputs.index(new)] = after
    graph.remove(cut, safe=True)
    return StatePair(str(before.name), str(after.name))


def split_states(model: Model) -> Model:
    """Return the model with a state for each part of a window that only a Split along another axis reads."""
    graph_model = model.ir.clone()
    graph = graph_model.graph
    pairs: list[StatePair] = []
    for pair in model.states:
        found = None if pair.input == model.end_state else _split_window(graph, pair)
        pairs += [pair] if found is None else _split(graph, found)
    return Model(graph_model).describe(states=pairs)


def _split_window(graph: ir.Graph, pair: StatePair) -> SplitWindow | None:
    old, new = _ends(graph, pair)
    keep, window = new.producer(), state_concat(old)
    if keep is None or window is None or new.uses():
        return None
    readers = [node for node in window.outputs[0].consumers() if node is not keep]
    kinds = [(node.op_type, node.domain) for node in (keep, *readers)]
    if kinds != [("Slice", ""), ("Split", "")] or keep.inputs[0] is not window.outputs[0]:
        return None
    (split,) = readers
    same = _axis(split) == _axis(window)
    return None if same else SplitWindow(pair, window, keep, split)


def _axis(node: ir.Node) -> int:
    return int(attribute(node, "axis", 0)) % len(dims(node.outputs[0]))


def _ends(graph: ir.Graph, pair: StatePair) -> tuple[ir.Value, ir.Value]:
    """Return a state at the start of a hop, and at its end."""
    inputs, outputs = (
        {value.name: value for value in part} for part in (graph.inputs, graph.outputs)
    )
    return inputs[pair.input], outputs[pair.output]


def _split(graph: ir.Graph, found: SplitWindow) -> list[StatePair]:
    """Replace a state and its window by those of the parts; returns the pairs of their names."""
    old, fresh = found.window.inputs
    assert old is not None and fresh is not None
    (kept,), parts = found.keep.outputs, found.split.outputs
    axis = _axis(found.split)

    def value_like(value: ir.Value, number: int) -> ir.Value:
        """Return the part of a value that belongs to a part of the window."""
        shape = list(dims(value))
        shape[axis] = dims(parts[number])[axis]
        name = unused_name(value_names(graph), f"{value.name}.{number}")
        made = ir.Value(name=name, shape=ir.Shape(shape), type=value.type)
        made.metadata_props.update(value.metadata_props)
        return made

    def add(like: ir.Node, inputs: list[ir.Value | None], outputs: list[ir.Value]) -> None:
        """Put a node with the attributes of another one before it."""
        attributes, name = list(like.attributes.values()), f"{like.name}.{outputs[0].name}"
        node = ir.Node("", like.op_type, inputs, attributes, outputs=outputs, name=name)
        graph.insert_before(found.window, node)

    numbers = range(len(parts))
    news = [value_like(fresh, number) for number in numbers]
    add(found.split, [fresh, *found.split.inputs[1:]], news)
    pairs = []
    for number, new in enumerate(news):
        before, whole, after = (value_like(v, number) for v in (old, parts[number], kept))
        graph.inputs.append(before)
        add(found.window, [before, new], [whole])
        add(found.keep, [whole, *found.keep.inputs[1:]], [after])
        graph.outputs.append(after)
        ir.convenience.replace_all_uses_with(parts[number], whole)
        pairs.append(StatePair(str(before.name), str(after.name)))
    graph.inputs.remove(old)
    graph.outputs.remove(kept)
    graph.remove([found.split, found.keep, found.window], safe=True)
    return pairs
