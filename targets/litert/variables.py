"""States inside a .tflite, as resource variables: read first, assigned last, zero before the first hop."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edgekit.targets.litert.file import Graph, Tensor, options

INIT = 1  # the number of the subgraph that sets the variables once


@dataclass(frozen=True)
class Pair:
    """A state: the tensors that hold it before and after a hop, and its name."""

    name: str
    before: int
    behind: int


def with_variables(graph: Graph, pairs: list[Pair]) -> list[Graph]:
    """Return the graph without these inputs and outputs, and a graph that zeroes their variables."""
    inner, handles = _copy(graph), {}
    calls, inner.operators = inner.operators, []
    inner.operator("CALL_ONCE", [], [], options("CallOnce", initSubgraphIndex=INIT))
    for pair in pairs:
        handles[pair.name] = _handle(inner, pair.name)
        read = options("ReadVariable")
        inner.operator("READ_VARIABLE", [handles[pair.name]], [pair.before], read)
    inner.operators += calls
    for pair in pairs:
        inner.operator(
            "ASSIGN_VARIABLE", [handles[pair.name], pair.behind], [], options("AssignVariable")
        )
    inner.inputs = [n for n in graph.inputs if n not in {pair.before for pair in pairs}]
    inner.outputs = [n for n in graph.outputs if n not in {pair.behind for pair in pairs}]
    return [inner, _zeros(graph, pairs)]


def tensors_except(tensors: Mapping[str, int], numbers: set[int]) -> dict[str, int]:
    """Named tensors that are not among these."""
    return {name: number for name, number in tensors.items() if number not in numbers}


def _copy(graph: Graph) -> Graph:
    copy = Graph(graph.name)
    copy.tensors, copy.data = list(graph.tensors), dict(graph.data)
    copy.operators = list(graph.operators)
    return copy


def _handle(graph: Graph, name: str) -> int:
    number = graph.tensor(f"{name}_handle", (), "resource")
    chosen = options("VarHandle", container="", sharedName=name)
    graph.operator("VAR_HANDLE", [], [number], chosen)
    return number


def _zeros(graph: Graph, pairs: list[Pair]) -> Graph:
    """Assign the integer for zero to every variable."""
    init = Graph("zero_states")
    for pair in pairs:
        held: Tensor = graph.tensors[pair.before]
        zero = 0 if held.scales is None else held.scales.zero_point
        handle = _handle(init, pair.name)
        start = init.constant(
            f"{pair.name}_zero", np.full(held.shape, zero, held.dtype), held.scales
        )
        init.operator("ASSIGN_VARIABLE", [handle, start], [], options("AssignVariable"))
    return init
