"""States that are read in a narrower type are kept in it.

Sometimes all readers of a window round it in the same way, as a product that reads keys in int8. Then the window holds
rounded frames, old and new. The new frames are rounded once, and the state has the width of the rounded values. A float
state that was rounded before, and is rounded to the same numbers when it is read, is kept as these.
"""

from dataclasses import dataclass

import onnx_ir as ir

from edgekit.graph.model import Model, StatePair
from edgekit.graph.nodes import unused_name, value_names
from edgekit.operators.qdq import INTEGER_DOMAIN, ZERO_POINT
from edgekit.targets.c.plan.storage import item_bytes

ROUNDING = ("Quantize", "Requantize")


def narrow_states(model: Model) -> Model:
    """Return the model with such states in the type of their readers."""
    graph_model = model.ir.clone()
    graph = graph_model.graph
    pairs = []
    for pair in model.states:
        old = next(value for value in graph.inputs if value.name == pair.input)
        new = next(value for value in graph.outputs if value.name == pair.output)
        if pair.input == model.end_state:
            pairs.append(pair)
        elif (found := _match_rounded_state(old, new)) is not None:
            pairs.append(_store_rounded_state(graph, old, new, found))
        else:
            readers = _readers(old, new)
            pairs.append(_narrow_state(graph, old, new, readers) if readers else pair)
    return Model(graph_model).describe(states=pairs)


@dataclass(frozen=True)
class RoundedState:
    """A float state that `reader` rounds to `whole`, of which `back` made floats and `cut`, where it is, a part."""

    reader: ir.Node
    back: ir.Node
    whole: ir.Value
    cut: ir.Node | None


def _match_rounded_state(old: ir.Value, new: ir.Value) -> RoundedState | None:
    users, keep = old.consumers(), new.producer()
    if len(users) != 1 or keep is None or new.uses():
        return None
    (reader,) = users
    cut = keep if (keep.op_type, keep.domain) == ("Slice", "") else None
    back = keep if cut is None or cut.inputs[0] is None else cut.inputs[0].producer()
    if back is None or not _rounds_back(reader, back):
        return None
    whole = back.inputs[0]
    if whole is None or (cut is None and (whole.is_graph_input() or whole.is_graph_output())):
        return None
    return RoundedState(reader, back, whole, cut)


def _rounds_back(reader: ir.Node, back: ir.Node) -> bool:
    """Whether a node rounds floats to the integers that `back` made them of."""
    dequantizes = (back.op_type, back.domain) == ("Dequantize", INTEGER_DOMAIN)
    quantizes = reader.op_type == "Quantize" and _rounds(reader)
    return dequantizes and quantizes and _numbers(reader) == _numbers(back)


def _store_rounded_state(
    graph: ir.Graph, old: ir.Value, new: ir.Value, found: RoundedState
) -> StatePair:
    """Keep the integers of a float state instead of the values that they represent."""
    read, made, cut = found.reader.outputs[0], found.whole, found.cut
    name = str(read.name)
    if cut is not None:
        same = ir.node("Slice", [made, *cut.inputs[1:]], num_outputs=1, name=cut.name)
        graph.insert_before(cut, same)
        made = same.outputs[0]
        made.name, made.shape = unused_name(value_names(graph), f"{name}.next"), new.shape
    graph.outputs[graph.outputs.index(new)] = made
    ir.convenience.replace_all_uses_with(read, old)
    graph.remove(found.reader, safe=True)
    for node in (cut, found.back):
        if node is not None and not (node.outputs[0].uses() or node.outputs[0].is_graph_output()):
            graph.remove(node, safe=True)
    old.name = name
    for value in (old, made):
        _copy_type(value, read)
    return StatePair(name, str(made.name))


def _copy_type(value: ir.Value, other: ir.Value) -> None:
    """Give a value the type of another."""
    value.type = other.type
    value.metadata_props.clear()
    value.metadata_props.update(other.metadata_props)


def _numbers(node: ir.Node) -> tuple[str, ...]:
    return tuple(sorted(map(str, node.attributes.values())))


def _readers(old: ir.Value, new: ir.Value) -> list[ir.Node]:
    """The nodes that round the window of a state; none where something else reads it, too, or they differ."""
    window, keep = state_concat(old), new.producer()
    if window is None or keep is None or keep.op_type != "Slice" or new.uses():
        return []
    whole = window.outputs[0]
    readers = [node for node in whole.consumers() if node is not keep]
    if keep.inputs[0] is not whole or not all(map(_rounds, readers)):
        return []
    return readers if _is_narrower(old, readers) and _starts_at_zero(old, readers[0]) else []


def _is_narrower(old: ir.Value, readers: list[ir.Node]) -> bool:
    """Whether all readers round a state in the same way, to a type that is not wider."""
    forms = {(node.op_type, *_numbers(node)) for node in readers}
    narrow = all(item_bytes(node.outputs[0]) <= item_bytes(old) for node in readers)
    return narrow and len(forms) == 1


def state_concat(old: ir.Value) -> ir.Node | None:
    """Return the Concat of a state and the new frames, if it alone reads the state, and no output is made of both."""
    users = [use.node for use in old.uses()]
    if len(users) != 1 or old.is_graph_output():
        return None
    (node,) = users
    if node.op_type != "Concat" or node.domain or len(node.inputs) != 2:
        return None
    return node if node.inputs[0] is old and not node.outputs[0].is_graph_output() else None


def _rounds(node: ir.Node) -> bool:
    known = node.domain == INTEGER_DOMAIN and node.op_type in ROUNDING
    return known and len(node.inputs) == 1 and not node.outputs[0].is_graph_output()


def _starts_at_zero(old: ir.Value, reader: ir.Node) -> bool:
    """Whether the zeros of a reset, rounded, are the zero point of the narrower type."""
    x, y = (int(v.metadata_props.get(ZERO_POINT, "0")) for v in (old, reader.outputs[0]))
    if reader.op_type == "Quantize":
        return reader.attributes["zero"].as_int() == y
    names = ("x_zero", "y_zero", "y_min", "y_max")
    x_zero, y_zero, low, high = (reader.attributes[name].as_int() for name in names)
    return (x_zero, y_zero) == (x, y) and low <= y <= high


def _narrow_state(
    graph: ir.Graph, old: ir.Value, new: ir.Value, readers: list[ir.Node]
) -> StatePair:
    (window,), first = old.consumers(), readers[0]
    read, fresh, taken = first.outputs[0], window.inputs[1], value_names(graph)
    name = f"{first.name}.new"
    rounded = ir.node(first.op_type, [fresh], domain=first.domain, num_outputs=1, name=name)
    rounded.attributes.update(first.attributes)
    rounded.metadata_props.update(first.metadata_props)
    made, whole, name = rounded.outputs[0], window.outputs[0], str(read.name)
    made.shape = None if fresh is None else fresh.shape
    graph.insert_before(window, rounded)
    window.replace_input_with(1, made)
    for reader in readers:
        ir.convenience.replace_all_uses_with(reader.outputs[0], whole)
    graph.remove(readers, safe=True)
    for value, stem in ((made, "new"), (old, "state"), (new, "state.next")):
        value.name = unused_name(taken, f"{name}.{stem}")
        taken.add(value.name)
    whole.name = name
    for value in (made, old, new, whole):
        _copy_type(value, read)
    return StatePair(str(old.name), str(new.name))
