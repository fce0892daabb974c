"""Split the part of a network that depends on session constants alone; it is computed once per session."""

from collections.abc import Iterable
from dataclasses import dataclass

import onnx_ir as ir

from edgekit.graph.facts import names
from edgekit.graph.model import Model
from edgekit.graph.nodes import unused_name, value_names
from edgekit.operators.geometry import dims

# Nodes that expand few elements to many, or integers to floats, run in the hop: less is kept.
DONE_IN_HOP = names(lambda row: row.moves == "copies" and row.grows) | {"DequantizeLinear"}
SCALED = frozenset({"DequantizeLinear", "QuantizeLinear"})  # their other inputs are no parameters


@dataclass(frozen=True)
class Parts:
    """A network in two parts.

    Attributes:
        session: its inputs are the session constants, its outputs the values that a hop needs of them; None without
            constants.
        hop: the rest; the outputs of `session` are its session constants, by the same names.
        kept: these names.
        parameters: elements of the weights that only `session` reads.
    """

    session: Model | None
    hop: Model
    kept: tuple[str, ...]
    parameters: int


def split_session(model: Model) -> Parts:
    """Divide a network, at any stage of its lowering, into the part run once per session and the part run per hop."""
    if not model.constants:
        return Parts(None, model, (), 0)
    graph = model.ir.graph
    inside = _session_nodes(graph, set(model.constants))
    border = _border(graph, inside, set(model.constants))
    names: list[str] = []
    for value in border:
        names.append(unused_name(value_names(graph) | set(names), f"{value.name}.session"))
    kept = dict(zip((str(value.name) for value in border), names, strict=True))
    once = {str(node.name) for node in inside}
    session, hop = _session(model, once, kept), _hop(model, once, kept)
    parameters = _weights(session.ir.graph) - _weights(hop.ir.graph)
    return Parts(session, hop, tuple(names), sum(size for _, size in parameters))


def _session_nodes(graph: ir.Graph, constants: set[str]) -> list[ir.Node]:
    """The nodes that read session constants, and nothing else that is computed or handed in."""
    nodes = _nodes_of_constants(graph, constants)
    while cut := [node for node in nodes if _is_done_in_hop(node, set(nodes))]:
        nodes = [node for node in nodes if node not in cut]
    return nodes


def _nodes_of_constants(graph: ir.Graph, constants: set[str]) -> list[ir.Node]:
    known = {value for value in graph.inputs if value.name in constants}
    free: set[ir.Value] = set()  # follows from initializers alone
    nodes = []
    for node in graph:
        inputs = {value for value in node.inputs if value is not None and not _is_weight(value)}
        if not inputs <= known | free:
            continue
        if inputs & known:
            nodes.append(node)
            known.update(node.outputs)
        else:
            free.update(node.outputs)
    return nodes


def _is_done_in_hop(node: ir.Node, inside: set[ir.Node]) -> bool:
    users = {user.node for output in node.outputs for user in output.uses()}
    return node.op_type in DONE_IN_HOP and not users & inside


def _is_weight(value: ir.Value) -> bool:
    return value.const_value is not None and not value.is_graph_input()


def _border(graph: ir.Graph, inside: list[ir.Node], constants: set[str]) -> list[ir.Value]:
    """Return the values that the session has and the hop needs."""
    within = set(inside)
    given = [value for value in graph.inputs if value.name in constants]
    made = [value for node in inside for value in node.outputs if value.name]
    return [
        value
        for value in (*given, *made)
        if value.is_graph_output() or any(user.node not in within for user in value.uses())
    ]


def _session(model: Model, once: set[str], kept: dict[str, str]) -> Model:
    """Return the session part; its kept values pass through an Identity, to get other names."""
    copy = model.ir.clone()
    graph = copy.graph
    values = {str(value.name): value for value in _values(graph)}
    outputs = [_rename_by_identity(graph, values[name], new) for name, new in kept.items()]
    graph.outputs.clear()
    graph.outputs.extend(outputs)
    made_by = {output.producer() for output in outputs}
    _remove(graph, [n for n in graph if n.name not in once and n not in made_by and _reads(n)])
    constants = set(model.constants)
    inputs = [value for value in graph.inputs if value.name in constants]
    graph.inputs.clear()
    graph.inputs.extend(inputs)
    _drop_unread(graph)
    return Model(copy).describe(states=[], constants=[], timing={}, end_state=None)


def _hop(model: Model, once: set[str], kept: dict[str, str]) -> Model:
    copy = model.ir.clone()
    graph = copy.graph
    values = {str(value.name): value for value in _values(graph)}
    for name, new in kept.items():
        old = values[name]
        value = ir.Value(name=new, shape=old.shape, type=old.type)
        value.metadata_props.update(old.metadata_props)
        graph.inputs.append(value)
        for user, index in list(old.uses()):
            if user.name not in once:
                user.replace_input_with(index, value)
        if old.is_graph_output():
            place = list(graph.outputs).index(old)
            old.name = unused_name(value_names(graph), f"{name}.once")
            graph.outputs[place] = _rename_by_identity(graph, value, name)
    _remove(graph, [node for node in graph if node.name in once])
    constants = set(model.constants)
    inputs = [value for value in graph.inputs if value.name not in constants]
    graph.inputs.clear()
    graph.inputs.extend(inputs)
    _drop_unread(graph)
    return Model(copy).describe(constants=list(kept.values()))


def _values(graph: ir.Graph) -> Iterable[ir.Value]:
    yield from graph.inputs
    for node in graph:
        yield from (value for value in node.outputs if value.name)


def _reads(node: ir.Node) -> bool:
    """Whether it reads anything but weights, at any distance."""
    return any(
        value is not None
        and not _is_weight(value)
        and (value.is_graph_input() or ((made := value.producer()) is not None and _reads(made)))
        for value in node.inputs
    )


def _rename_by_identity(graph: ir.Graph, value: ir.Value, name: str) -> ir.Value:
    node = ir.node("Identity", [value], name=unused_name(_node_names(graph), name))
    output = node.outputs[0]
    output.name, output.shape, output.type = name, value.shape, value.type
    output.metadata_props.update(value.metadata_props)
    graph.append(node)
    return output


def _node_names(graph: ir.Graph) -> set[str]:
    return {str(node.name) for node in graph}


def _remove(graph: ir.Graph, nodes: list[ir.Node]) -> None:
    for node in reversed(nodes):
        graph.remove(node, safe=True)


def _drop_unread(graph: ir.Graph) -> None:
    """Remove nodes that follow from weights alone and whose outputs are not read here, and unread weights."""
    for node in reversed(list(graph)):
        if not any(value.uses() or value.is_graph_output() for value in node.outputs):
            graph.remove(node, safe=True)
    for name, value in list(graph.initializers.items()):
        if not value.uses() and not value.is_graph_output():
            del graph.initializers[name]


def _weights(graph: ir.Graph) -> set[tuple[str, int]]:
    """Return name and size of every weight: not a single number, an index, a scale or a zero point."""
    found = set()
    for node in graph:
        for place, value in enumerate(node.inputs):
            if value is None or not _is_weight(value) or (place and node.op_type in SCALED):
                continue
            size = 1
            for extent in dims(value):
                size *= extent
            if size > 1 and value.dtype not in (ir.DataType.INT64, ir.DataType.BOOL):
                found.add((str(value.name), size))
    return found
