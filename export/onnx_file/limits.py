"""What must be known before a library touches a network: its full size, and what would crash one."""

from collections.abc import Iterable, Iterator

import onnx

from edgekit.base.errors import Problem

MAX_NODES = 20_000
MAX_LIST = 2**18  # numbers in one attribute
SPLITS = (("Split", "split"), ("Split", "num_outputs"))
Key = tuple[str, str, str]  # domain, name, overload


def node_problems(proto: onnx.ModelProto) -> list[Problem]:
    """Return why the network has too many nodes, or none that end: its functions call themselves."""
    bodies = {(f.domain, f.name, f.overload): f.node for f in proto.functions}
    counts: dict[Key, int] = {}
    try:
        count = _count(proto.graph.node, bodies, counts, ())
    except _CallsItselfError as error:
        domain, name, _ = error.args[0]
        where, found, step = (
            f"function '{name}' of domain '{domain}'",
            "it calls itself",
            "unroll it",
        )
        return [Problem(where, found, "functions that end", step)]
    if count <= MAX_NODES:
        return []
    found, allowed = f"{count} nodes with all functions expanded", f"at most {MAX_NODES}"
    return [Problem("the network", found, allowed, "export a part of it")]


def attribute_problems(graph: onnx.GraphProto) -> list[Problem]:
    """Return attributes with endless lists, and Split nodes whose outputs are not as many as they say.

    For the latter ONNX's shape inference (1.22) reads behind an array and ends the process.
    """
    problems = []
    for node in _nodes(graph):
        for attribute in node.attribute:
            where = f"{node.op_type} '{node.name}'"
            length = max(len(attribute.ints), len(attribute.floats), len(attribute.strings))
            told = length if attribute.name == "split" else attribute.i
            if length > MAX_LIST:
                found, allowed = f"{length} numbers in '{attribute.name}'", f"at most {MAX_LIST}"
                problems.append(Problem(where, found, allowed, "store them as a tensor"))
            elif (node.op_type, attribute.name) in SPLITS and told != len(node.output):
                found = f"{attribute.name} for {told} outputs, {len(node.output)} outputs"
                problems.append(
                    Problem(where, found, "the same number", "export the network again")
                )
    return problems


def _nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _nodes(attribute.g)


class _CallsItselfError(Exception):
    """Holds the key of a function that is part of its own body."""


def _count(
    nodes: Iterable[onnx.NodeProto],
    bodies: dict[Key, Iterable[onnx.NodeProto]],
    counts: dict[Key, int],
    callers: tuple[Key, ...],
) -> int:
    total = 0
    for node in nodes:
        total += 1
        for attribute in node.attribute:
            for graph in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                total += _count(graph.node, bodies, counts, callers)
        key = (node.domain, node.op_type, node.overload)
        if key not in bodies:
            continue
        if key in callers:
            raise _CallsItselfError(key)
        if key not in counts:
            counts[key] = _count(bodies[key], bodies, counts, (*callers, key))
        total += counts[key]
    return total
