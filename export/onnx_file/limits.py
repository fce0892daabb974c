"""Checks before a library opens a network: its full size, and contents that would crash a library."""

from collections.abc import Iterable, Iterator

import onnx
import onnx.defs

from edgekit.base.errors import Problem

MAX_NODES = 20_000
MAX_LIST = 2**18  # numbers in one attribute
LARGEST = 2**31  # of an integer in an attribute: ONNX's shape inference makes them 32 bits wide
WIDE = ("Constant", "Slice")  # a constant's own values; 2^63 - 1 ends an old Slice
AT_LEAST_0 = (("GatherND", "batch_dims"), ("Attention", "softcap"))
STANDARD = ("", "ai.onnx")
OPTIONAL = onnx.defs.OpSchema.FormalParameterOption.Optional
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


def attribute_problems(proto: onnx.ModelProto) -> list[Problem]:
    """Return attributes with endless lists, and those with which ONNX's shape inference (1.22) ends the process.

    Inference reads past an array if a Split has another number of outputs than it states. It reads before an array if
    an integer exceeds 32 bits, as the axis of LayerNormalization, or if GatherND's batch_dims is negative. A negative
    softcap of Attention means one thing in ONNX's definition and another in runtimes.
    """
    return [
        Problem(f"{node.op_type} '{node.name}'", *told)
        for node in all_nodes(proto)
        for attribute in node.attribute
        if (told := _wrong(node, attribute))
    ]


def operand_problems(proto: onnx.ModelProto, opset: int) -> list[Problem]:
    """Return nodes of standard operators at `opset` that lack a required operand or output.

    onnxruntime (1.32) would read and write invalid memory.
    """
    return [
        Problem(
            f"{node.op_type} '{node.name}'",
            f"{what} {place} is left out",
            "to leave out what ONNX calls optional",
            "export the network again",
        )
        for node in all_nodes(proto)
        for what, names in (("input", node.input), ("output", node.output))
        if node.domain in STANDARD and "" in names
        for place, name in enumerate(names)
        if not name and not _is_optional(node.op_type, opset, what, place)
    ]


def _is_optional(operator: str, opset: int, what: str, place: int) -> bool:
    if not onnx.defs.has(operator, max_inclusive_version=opset):
        return True
    schema = onnx.defs.get_schema(operator, max_inclusive_version=opset)
    formal = schema.inputs if what == "input" else schema.outputs
    return not formal or formal[min(place, len(formal) - 1)].option == OPTIONAL


def drop_absent(proto: onnx.ModelProto) -> None:
    """Remove the empty names from the ends of the nodes' inputs, in place.

    ONNX lets an optional operand be left out either way; onnxruntime (1.32) ends the process on a
    LayerNormalization whose bias has an empty name.
    """
    for node in all_nodes(proto):
        while node.input and not node.input[-1]:
            node.input.pop()


def _wrong(node: onnx.NodeProto, attribute: onnx.AttributeProto) -> tuple[str, str, str] | None:
    """Return the fault of an attribute, the allowed value, and the next step; None if it fits."""
    name, count = attribute.name, len(node.output)
    length = max(len(attribute.ints), len(attribute.floats), len(attribute.strings))
    splits = length if name == "split" else attribute.i
    if length > MAX_LIST:
        return f"{length} numbers in '{name}'", f"at most {MAX_LIST}", "store them as a tensor"
    step = "export the network again"
    if (node.op_type, name) in SPLITS and splits != count and not attribute.ref_attr_name:
        return f"{name} for {splits} outputs, {count} outputs", "the same number", step
    wide = [] if node.op_type in WIDE or node.domain not in STANDARD else _wide_integers(attribute)
    if wide:
        return f"{name} {wide[0]}", "an integer of 32 bits", step
    if (node.op_type, name) in AT_LEAST_0 and min(attribute.i, attribute.f) < 0:
        return f"{name} {attribute.i or attribute.f:g}", "0 or more", step
    return None


def _wide_integers(attribute: onnx.AttributeProto) -> list[int]:
    """Return the integers that do not fit in 32 bits."""
    return [n for n in (attribute.i, *attribute.ints) if not -LARGEST <= n < LARGEST]


def all_nodes(proto: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    """Yield the nodes of a network, of its bodies and of its functions."""
    for nodes in (proto.graph.node, *(function.node for function in proto.functions)):
        yield from _nodes(nodes)


def _nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    for node in nodes:
        yield node
        for attribute in node.attribute:
            for graph in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from _nodes(graph.node)


class _CallsItselfError(Exception):
    """Holds the key of a function that calls itself."""


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
