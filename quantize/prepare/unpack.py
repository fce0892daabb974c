"""Unpack states: one that a network cuts into parts becomes several, so that each has a separate type.

Networks pack h and c of a cell, or the caches of several layers, into one tensor. They slice it at the start of a hop
and join its successor at the end. The c of an LSTM gets the shape of the cell's c. To trace each element, the data
movement runs on element numbers.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from edgekit.base.arrays import Booleans, Int64
from edgekit.graph.facts import facts_of
from edgekit.graph.model import Model, StatePair
from edgekit.graph.nodes import add_initializer, is_unread, unused_name, value_names
from edgekit.operators.geometry import dims
from edgekit.operators.roles import constant, is_cell_state, is_move, picks
from edgekit.operators.table import OPERATORS

Numbers = Int64
ELSEWHERE = 0  # the number of elements that are constants


def unpack_states(model: Model) -> Model:
    """Return a model in which no state is packed that can be unpacked; it computes the same."""
    graph_model = model.ir.clone()
    graph, states = graph_model.graph, []
    for pair in model.states:
        states += _split_state(graph, pair, _numbers(graph)) or [pair]
    if states == list(model.states):
        return model
    order = {value.name: index for index, value in enumerate(graph.inputs)}
    return Model(graph_model).describe(states=sorted(states, key=lambda pair: order[pair.input]))


def _numbers(graph: ir.Graph) -> dict[ir.Value, Numbers]:
    """Return the numbers of every float tensor's elements; movement passes them on, other nodes make new ones."""
    numbers: dict[ir.Value, Numbers] = {}
    first = ELSEWHERE + 1
    for value, node in _values(graph):
        if value in numbers or value.dtype != ir.DataType.FLOAT:
            continue
        if node is not None and _is_followed(node):
            numbers.update(_move_numbers(node, numbers))
        else:
            size = int(np.prod(dims(value)))
            numbers[value] = np.arange(first, first + size).reshape(dims(value))
            first += size
    return numbers


def _move_numbers(node: ir.Node, numbers: Mapping[ir.Value, Numbers]) -> dict[ir.Value, Numbers]:
    """Run a movement on the numbers of its operands' elements."""
    operands = [numbers[v] if v and v in numbers else _constant(v) for v in node.inputs]
    moved = OPERATORS["", node.op_type].form(node, operands)  # type: ignore[arg-type]
    pairs = zip(node.outputs, moved, strict=False)
    return {output: np.asarray(array).reshape(dims(output)) for output, array in pairs}


def _values(graph: ir.Graph) -> Iterator[tuple[ir.Value, ir.Node | None]]:
    yield from ((value, None) for value in graph.inputs)
    yield from ((value, node) for node in graph for value in node.outputs if value.name)


def _constant(value: ir.Value | None) -> NDArray[np.generic] | None:
    """Return a movement's constant: data are numbered as elsewhere, indices keep their values."""
    array = constant(value)
    if array is None:
        return None
    return np.full(array.shape, ELSEWHERE) if array.dtype == np.float32 else array


def _split_state(
    graph: ir.Graph, pair: StatePair, numbers: dict[ir.Value, Numbers]
) -> list[StatePair]:
    """Replace a state by its parts; empty if it has one part, or parts that do not keep apart."""
    state = {value.name: value for value in graph.inputs}[pair.input]
    result = {value.name: value for value in graph.outputs}[pair.output]
    if state not in numbers or result not in numbers:
        return []
    successors = _successors(graph, state, numbers[result].ravel(), numbers)
    if not successors:
        return []
    graph.inputs.remove(state)
    graph.outputs.remove(result)
    pairs = [
        _separate(graph, part, after, f"{pair.input}_{i}")
        for i, (part, after) in enumerate(successors.items())
    ]
    for node in reversed(list(graph)):
        if is_unread(node):
            graph.remove(node, safe=True)
    return pairs


def _successors(
    graph: ir.Graph, state: ir.Value, elements: Numbers, numbers: dict[ir.Value, Numbers]
) -> dict[ir.Value, ir.Value]:
    """Return the parts of a state and their next values, from its next `elements`; empty if it stays whole."""
    own = numbers[state].ravel()
    parts = list(_parts(graph, numbers, own))
    if len(parts) < 2 and not _is_moved_cell(state, parts):
        return {}
    taken = np.concatenate([numbers[part].ravel() for part in parts])
    after = {part: _holder(part, elements[numbers[part] - own[0]], numbers) for part in parts}
    found = {part: holder for part, holder in after.items() if holder is not None}
    distinct = len(np.unique(taken)) == len(taken)
    return found if distinct and len(found) == len(parts) else {}


def _is_moved_cell(state: ir.Value, parts: list[ir.Value]) -> bool:
    """Whether a state of one part is the c of an LSTM in another shape: int32 only in that of the cell."""
    return any(
        part is not state and is_cell_state(user.node, user.idx)
        for part in parts
        for user in part.uses()
    )


def _holder(part: ir.Value, elements: Numbers, numbers: dict[ir.Value, Numbers]) -> ir.Value | None:
    """Return the computed tensor with these elements in this order, of the part's shape if there is one."""
    flat = elements.tobytes()
    holders = [v for v, found in numbers.items() if v.producer() and found.tobytes() == flat]
    alike = [value for value in holders if dims(value) == dims(part)]
    return next(iter(alike + holders), None)


def _parts(graph: ir.Graph, numbers: dict[ir.Value, Numbers], own: Numbers) -> dict[ir.Value, None]:
    """Return the tensors of elements of the state only that reach, on their own or joined, anything but movement."""
    reached: dict[ir.Value, Booleans] = {
        value: np.ones(found.shape, bool)
        for value, found in numbers.items()
        if _leaves_movement(value)
    }
    parts: dict[ir.Value, None] = {}
    for value in reversed([value for value, _ in _values(graph)]):
        if value not in reached:
            continue
        found, producer = numbers[value], value.producer()
        inside = (found >= own[0]) & (found <= own[-1])
        if inside.all():
            parts[value] = None
        elif producer is not None and _is_followed(producer):
            wanted = reached[value] & inside
            for operand, mask in _origins(producer, value, wanted, numbers).items():
                reached[operand] = reached.get(operand, np.zeros(mask.shape, bool)) | mask
    return parts


def _leaves_movement(value: ir.Value) -> bool:
    return value.is_graph_output() or not all(_is_followed(user.node) for user in value.uses())


def _origins(
    node: ir.Node, value: ir.Value, wanted: Booleans, numbers: dict[ir.Value, Numbers]
) -> dict[ir.Value, Booleans]:
    """Return the elements of a movement's operands that become the wanted ones of its result."""
    operands = [v for v in dict.fromkeys(node.inputs) if v is not None and v in numbers]
    places, first = {}, ELSEWHERE + 1
    for operand in operands:
        size = numbers[operand].size
        places[operand] = np.arange(first, first + size).reshape(numbers[operand].shape)
        first += size
    used = _move_numbers(node, places)[value][wanted]
    masks = {operand: np.isin(place, used) for operand, place in places.items()}
    return {operand: mask for operand, mask in masks.items() if mask.any()}


def _is_followed(node: ir.Node) -> bool:
    return is_move(node) and facts_of(node).moves != "chooses" and not picks(node)


def _separate(graph: ir.Graph, part: ir.Value, after: ir.Value, name: str) -> StatePair:
    """Make `part` a separate state with `after` as its successor."""
    names = value_names(graph)
    state = ir.Value(
        name=unused_name(names, name), shape=part.shape, type=ir.TensorType(ir.DataType.FLOAT)
    )
    graph.inputs.append(state)
    for user, index in list(part.uses()):
        user.replace_input_with(index, state)
    output = after
    if dims(after) != dims(part) or after.is_graph_output():
        sizes = add_initializer(graph, f"{state.name}_dims", np.array(dims(part), np.int64))
        copy = ir.node("Reshape", [after, sizes], name=unused_name(names, f"{state.name}_reshape"))
        output = copy.outputs[0]
        output.name, output.shape = unused_name(names, f"{state.name}_next"), part.shape
        output.type = state.type
        graph.append(copy)
    graph.outputs.append(output)
    return StatePair(str(state.name), str(output.name))
