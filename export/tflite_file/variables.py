"""States of a .tflite: resource variables, variable tensors, and plain pairs of input and output."""

from dataclasses import dataclass

import numpy as np
from onnx import TensorProto, helper

from edgekit.export.tflite_file.file import Graph, Operator, Tensor, TfliteFile, refuse
from edgekit.export.tflite_file.network import STORED, Network, to_sizes

Handle = tuple[str, str]  # container and name: what a variable is known by
STEP = "convert the network with states that start at zero, each read once and assigned once"


@dataclass(frozen=True)
class Variables:
    """The shape of each resource variable of a graph, in the order of the init graph."""

    shapes: dict[Handle, tuple[int, ...]]


def handle_of(operator: Operator) -> Handle:
    """Return what names a variable: the operator's container and shared name."""
    texts = (operator.option("Container", b""), operator.option("SharedName", b""))
    container, name = ((text or b"").decode("utf-8", "replace") for text in texts)
    return container, name


def check_initial_values(file: TfliteFile, graph: Graph) -> None:
    """Refuse an init graph that does more than set variables to zero.

    Raises:
        ModelError: it does.
    """
    for call in graph.operators:
        if call.builtin != "CALL_ONCE":
            continue
        number = int(call.option("InitSubgraphIndex", -1))
        if not 0 < number < len(file.graphs):
            refuse("operator CALL_ONCE", f"graph {number}", "a graph of the file", STEP)
        _check_init(file.graphs[number])


def _check_init(graph: Graph) -> None:
    names: dict[int, Handle] = {}
    for operator in graph.operators:
        if operator.builtin == "VAR_HANDLE":
            names[operator.outputs[0]] = handle_of(operator)
        elif operator.builtin == "ASSIGN_VARIABLE":
            held = graph.tensors[operator.inputs[1]]
            name = names.get(operator.inputs[0], ("", "?"))[1]
            zero = 0 if held.grid is None else int(held.grid.zero.ravel()[0])
            if held.data is None or np.any(held.data != zero):
                refuse(f"state '{name}'", "a start that is not zero", "zero", STEP)
        else:
            found = f"{operator.builtin} in '{graph.name}'"
            refuse("operator CALL_ONCE", found, "constants assigned to variables", STEP)


def handle(network: Network, operator: Operator) -> None:
    """VAR_HANDLE: a name for a variable."""
    network.handles[operator.outputs[0]] = handle_of(operator)


def read_variable(network: Network, operator: Operator) -> None:
    """READ_VARIABLE: the state before the hop is an input of the network."""
    name = _state_name(network, operator)
    if any(pair[0] == name for pair in network.states):
        refuse(f"state '{name}'", "read twice, or read after it was assigned", "one reading", STEP)
    number = operator.outputs[0]
    add_state(network, name, network.tensor(number), number)


def assign(network: Network, operator: Operator) -> None:
    """ASSIGN_VARIABLE: the state for the next hop is an output of the network."""
    name = _state_name(network, operator)
    if not any(pair[0] == name for pair in network.states):
        refuse(f"state '{name}'", "assigned before it is read", "read first", STEP)
    close_state(network, name, network.real(operator.inputs[1]), network.tensor(operator.inputs[1]))


def _state_name(network: Network, operator: Operator) -> str:
    container, name = network.handles[operator.inputs[0]]
    return "_".join(filter(None, (container, name)))


def add_state(network: Network, name: str, held: Tensor, number: int | None = None) -> str:
    """Add a state's input, with the axes of the network, and return its real values."""
    if held.dtype != "float32" and not (held.is_integer and held.dtype in STORED):
        refuse(f"state '{name}'", held.dtype, f"float32, or {', '.join(STORED)} on a scale", STEP)
    shape = to_sizes(held.shape)
    network.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    network.states.append((name, f"{name}_next"))
    value = network.round_to_grid(name, held)
    if number is not None:
        network.values[number] = value
    return value


def close_state(network: Network, name: str, value: str, held: Tensor) -> None:
    """Add a state's output.

    Raises:
        ModelError: it has one.
    """
    following = f"{name}_next"
    if any(output.name == following for output in network.outputs):
        refuse(f"state '{name}'", "assigned twice", "one assignment", STEP)
    network.nodes.append(helper.make_node("Identity", [value], [following], name=following))
    shape = to_sizes(held.shape)
    network.outputs.append(helper.make_tensor_value_info(following, TensorProto.FLOAT, shape))
