"""Removes Transposes if a part of the network can run in the layout before them."""

from collections.abc import Iterable

import numpy as np
import onnx_ir as ir

from edgekit.export.passes.origins import add_reshaped_constant
from edgekit.graph.facts import FACTS, names
from edgekit.graph.nodes import (
    add_initializer,
    array_of,
    attribute,
    bypass,
    nbytes,
    optional,
    producer_of,
    replace,
    static_shape,
)

ALONG = names(lambda row: row.mixes == "axis") | {"Concat"}  # operators of one axis
REDUCE = names(lambda row: row.mixes == "axes")
TURNABLE = names(lambda row: row.elementwise and not row.quantizer) | ALONG | REDUCE
Perm = tuple[int, ...]


class CancelTransposes(ir.passes.InPlacePass):
    """Run regions of elementwise operators, Softmax, Concat and reductions in another axis order.

    A region is a connected set of such operators. It changes to the order of a Transpose at its border if fewer bytes
    are transposed then. The bytes only decrease, so the pass ends.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Rewrite in place, and merge Transposes that follow each other; quantized files stay framed."""
        graph = model.graph
        if any(node.op_type == "QuantizeLinear" for node in graph):
            return ir.passes.PassResult(model, modified=False)
        modified = _merge(graph)
        left = _transposed_bytes(graph)
        while any(_turn_if_better(graph, region) for region in _regions(graph)):
            modified = True
            _merge(graph)
            before, left = left, _transposed_bytes(graph)
            if left >= before:
                break
        return ir.passes.PassResult(model, modified=modified)


def permutation(node: ir.Node | None) -> Perm | None:
    """Return the axes of a Transpose of known shape; None for any other node."""
    if node is None or node.domain or node.op_type != "Transpose":
        return None
    shape = static_shape(node.inputs[0])
    if shape is None:
        return None
    return tuple(attribute(node, "perm", None) or range(len(shape))[::-1])


def _transposed_bytes(graph: ir.Graph) -> int:
    return sum(
        _bytes_moved(node.outputs[0], static_shape(node.inputs[0]), perm)
        for node in graph
        if (perm := permutation(node)) is not None
    )


def _merge(graph: ir.Graph) -> bool:
    """Let a Transpose of a Transpose read the input of the first one; drop those without effect."""
    modified = False
    for node in list(graph):
        outer, producer = permutation(node), producer_of(optional(node, 0))
        inner = permutation(producer)
        if outer is None or inner is None or producer is None:
            continue
        both = tuple(inner[axis] for axis in outer)
        first = producer.inputs[0]
        if first is None or both != tuple(sorted(both)) or not bypass(graph, node, first):
            merged = ir.node("Transpose", [first], {"perm": both}, name=node.name)
            replace(graph, node, [merged])
        modified = True
    _drop_unread(graph)
    return modified


def _drop_unread(graph: ir.Graph) -> None:
    """Remove Transposes that nothing reads."""
    for node in reversed(list(graph)):
        value = node.outputs[0]
        if permutation(node) is not None and not value.uses() and not value.is_graph_output():
            graph.remove(node, safe=True)


def _regions(graph: ir.Graph) -> list[list[ir.Node]]:
    """Connected turnable nodes of one rank, each list in graph order."""
    turnable = [node for node in graph if _rank(node) is not None]
    region_of = {node: [node] for node in turnable}
    for node in turnable:
        for producer in _producers_in_region(node):
            own, other = region_of[node], region_of[producer]
            if other is not own:
                other += own
                region_of.update(dict.fromkeys(own, other))
    order = {node: i for i, node in enumerate(graph)}
    unique = {id(region): region for region in region_of.values()}
    return [sorted(region, key=order.__getitem__) for region in unique.values()]


def _producers_in_region(node: ir.Node) -> list[ir.Node]:
    """Return the producers of a node's inputs that have its rank and can work on transposed axes."""
    rank, producers = _rank(node), [producer_of(value) for value in node.inputs]
    return [p for p in producers if p is not None and p.graph is node.graph and _rank(p) == rank]


def _rank(node: ir.Node) -> int | None:
    """Return the rank of all that a node computes on; None if it cannot work on transposed axes."""
    if node.domain or len(node.outputs) != 1 or not _is_turnable(node):
        return None
    shape = static_shape(node.outputs[0])
    ranks = {len(static_shape(value) or ()) for value in _computed_inputs(node)}
    return len(shape) if shape is not None and len(shape) > 1 and ranks == {len(shape)} else None


def _is_turnable(node: ir.Node) -> bool:
    """Whether the operator runs in any order of axes; a reduction where its axes are constants and stay."""
    if node.op_type not in REDUCE:
        return node.op_type in TURNABLE
    axes = array_of(optional(node, 1))
    return axes is not None and axes.size > 0 and bool(attribute(node, "keepdims", 1) == 1)


def _computed_inputs(node: ir.Node) -> list[ir.Value]:
    return [value for value in node.inputs if value is not None and array_of(value) is None]


def _turn_if_better(graph: ir.Graph, region: list[ir.Node]) -> bool:
    inside = set(region)
    entries = {v for node in region for v in _computed_inputs(node) if v.producer() not in inside}
    exits = [node.outputs[0] for node in region if _leaves(node.outputs[0], inside)]
    for perm in _orders_at_borders(entries, exits):
        if _transpose_bytes_saved(inside, entries, exits, perm) > 0:
            _turn(graph, region, entries, exits, perm)
            return True
    return False


def _orders_at_borders(entries: Iterable[ir.Value], exits: Iterable[ir.Value]) -> list[Perm]:
    """Return the orders of axes to which Transposes at the borders of a region lead."""
    perms = {permutation(value.producer()) for value in entries}
    perms |= {_inverse(perm) for value in exits for perm in _perms(value)}
    return sorted(perm for perm in perms if perm is not None)


def _leaves(value: ir.Value, inside: set[ir.Node]) -> bool:
    return value.is_graph_output() or any(user.node not in inside for user in value.uses())


def _perms(value: ir.Value) -> list[Perm]:
    found = [permutation(user.node) for user in value.uses()]
    return [perm for perm in found if perm is not None]


def _inverse(perm: Perm) -> Perm:
    return tuple(int(axis) for axis in np.argsort(perm))


def _moves(shape: tuple[int, ...] | None, perm: Iterable[int]) -> bool:
    real = [axis for axis in perm if shape is None or shape[axis] != 1]
    return real != sorted(real)


def _transpose_bytes_saved(
    inside: set[ir.Node], entries: set[ir.Value], exits: list[ir.Value], perm: Perm
) -> int:
    """Bytes of Transposes now, less those when every value of the region is the `perm` of a new one."""
    saved = sum(_saved_before(value, inside, perm) for value in entries)
    return saved + sum(_saved_behind(value, inside, perm) for value in exits)


def _saved_before(value: ir.Value, inside: set[ir.Node], perm: Perm) -> int:
    """Return the bytes saved if a value that enters the region is transposed back."""
    producer, back = value.producer(), _inverse(perm)
    own = permutation(producer)
    if own is None or producer is None:
        return -_bytes_moved(value, static_shape(value), back)
    source = static_shape(producer.inputs[0])
    saved = 0 if _leaves(value, inside) else _bytes_moved(value, source, own)
    return saved - _bytes_moved(value, source, tuple(own[axis] for axis in back))


def _saved_behind(value: ir.Value, inside: set[ir.Node], perm: Perm) -> int:
    """Return the bytes saved if a value that leaves the region comes transposed back."""
    shape = static_shape(value)
    turned = None if shape is None else tuple(shape[axis] for axis in _inverse(perm))
    owns = [permutation(user.node) for user in value.uses() if user.node not in inside]
    saved = 0
    for own in owns:
        if own is not None:
            saved += _bytes_moved(value, shape, own)
            saved -= _bytes_moved(value, turned, (perm[axis] for axis in own))
    plain = value.is_graph_output() or None in owns
    return saved - (_bytes_moved(value, turned, perm) if plain else 0)


def _bytes_moved(value: ir.Value, shape: tuple[int, ...] | None, perm: Iterable[int]) -> int:
    """Return bytes of a Transpose of a tensor of this shape to `value`; 0 if all elements stay in their places."""
    return nbytes(value) if _moves(shape, perm) else 0


def _turn(
    graph: ir.Graph,
    region: list[ir.Node],
    entries: set[ir.Value],
    exits: list[ir.Value],
    perm: Perm,
) -> None:
    """Compute the region in the order before `perm`; borders get Transposes, to be merged."""
    back, turned = _inverse(perm), dict[ir.Value, ir.Value]()
    for value in sorted(entries, key=lambda v: str(v.name)):
        users = [user.node for user in value.uses() if user.node in region]
        node = ir.node("Transpose", [value], {"perm": back}, name=f"{value.name}_turned")
        _describe(node.outputs[0], value, back)
        first = min(users, key=region.index)
        graph.insert_before(first, node)
        turned[value] = node.outputs[0]
    for node in region:
        new = _turned_node(graph, node, turned, back)
        old = node.outputs[0]
        _describe(new.outputs[0], old, back)
        turned[old] = new.outputs[0]
        graph.insert_before(node, new)
    for value in exits:
        producer = value.producer()
        assert producer is not None
        node = ir.node("Transpose", [turned[value]], {"perm": perm}, name=f"{value.name}_back")
        graph.insert_after(producer, node)
        output = node.outputs[0]
        output.name, output.shape, output.type = value.name, value.shape, value.type
        value.replace_all_uses_with(output, replace_graph_outputs=True)
    for node in reversed(region):
        graph.remove(node, safe=True)


def _turned_node(
    graph: ir.Graph, node: ir.Node, turned: dict[ir.Value, ir.Value], back: Perm
) -> ir.Node:
    inputs = [_turned_operand(graph, node, i, turned, back) for i in range(len(node.inputs))]
    new = ir.Node("", node.op_type, inputs, node.attributes.values(), num_outputs=1, name=node.name)
    if node.op_type in ALONG:
        axis = attribute(node, "axis", FACTS[node.op_type].axis) % len(back)
        new.attributes["axis"] = ir.AttrInt64("axis", back.index(axis))
    new.metadata_props.update(node.metadata_props)
    return new


def _turned_operand(
    graph: ir.Graph, node: ir.Node, index: int, turned: dict[ir.Value, ir.Value], back: Perm
) -> ir.Value | None:
    """Return an input of a transposed node: a value of the region, its axes permuted, or a transposed constant."""
    value = node.inputs[index]
    array = array_of(value)
    if value is None or array is None:
        return None if value is None else turned[value]
    if node.op_type in REDUCE and index == 1:
        axes = [back.index(int(axis) % len(back)) for axis in np.ravel(array)]
        return add_initializer(graph, f"{value.name}_turned", np.array(axes, np.int64))
    if array.size == 1 and node.op_type not in ALONG:
        return value
    wide = (1,) * (len(back) - array.ndim) + array.shape
    return add_reshaped_constant(graph, value, array, wide, "turned", back)


def _describe(value: ir.Value, old: ir.Value, back: Perm) -> None:
    shape = static_shape(old)
    assert shape is not None
    value.name, value.type = f"{old.name}_turned", old.type
    value.shape = ir.Shape(shape[axis] for axis in back)
