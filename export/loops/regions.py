"""`Region`: the nodes of an export that come from some lines of source, and its borders."""

from collections.abc import Sequence
from dataclasses import dataclass

import onnx_ir as ir

from edgekit.export.loops.source_lines import SourceLines
from edgekit.graph.nodes import static_shape


class NoScan(Exception):
    """Raised if lines of source are no scan with a step."""


@dataclass(frozen=True)
class Region:
    """The nodes of some lines of source, with the constants that they use.

    Attributes:
        nodes: in order.
        inputs: what they read that depends on the network's inputs.
        outputs: what others read.
    """

    nodes: Sequence[ir.Node]
    inputs: Sequence[ir.Value]
    outputs: Sequence[ir.Value]


def region_of(graph: ir.Graph, lines: SourceLines) -> Region:
    """Return the nodes of some lines, and those between them.

    Raises:
        NoScan: no node depends on an input.
    """
    nodes, fixed = list(graph), _constants(graph)
    seeds = {node for node in nodes if lines.hold(node)}
    between = _nodes_after(nodes, seeds) & _nodes_before(nodes, seeds)
    inner = {node for node in seeds | between if node.outputs[0] not in fixed}
    if not inner:
        raise NoScan("has no nodes at this length")
    needed = inner | _makers(inner, fixed)
    kept_nodes = [node for node in nodes if node in needed]
    return Region(kept_nodes, _inputs(graph, inner, fixed), _outputs(graph, inner))


def _inputs(graph: ir.Graph, inner: set[ir.Node], fixed: set[ir.Value]) -> list[ir.Value]:
    """Return what nodes read from others, in the order in which it is made."""
    read = {value for node in inner for value in node.inputs if value is not None}
    inputs = {value for value in read - fixed if value.producer() not in inner}
    order = [*graph.inputs, *(value for node in graph for value in node.outputs)]
    return [value for value in order if value in inputs]


def _outputs(graph: ir.Graph, inner: set[ir.Node]) -> list[ir.Value]:
    """Return what others read of nodes, in the order in which they do."""
    read = [value for node in graph if node not in inner for value in node.inputs]
    values = (value for value in (*read, *graph.outputs) if value is not None)
    return list(dict.fromkeys(value for value in values if value.producer() in inner))


def _makers(inner: set[ir.Node], fixed: set[ir.Value]) -> set[ir.Node]:
    """Nodes that compute the constants that a region reads."""
    found, stack = set[ir.Node](), list(inner)
    while stack:
        for value in stack.pop().inputs:
            node = None if value is None else value.producer()
            if node is not None and node not in found and value in fixed:
                found.add(node)
                stack.append(node)
    return found


def _constants(graph: ir.Graph) -> set[ir.Value]:
    """Values that depend on no input."""
    fixed = set(graph.initializers.values())
    for node in graph:
        if node.inputs and all(value is None or value in fixed for value in node.inputs):
            fixed.update(node.outputs)
    return fixed


def _nodes_after(nodes: Sequence[ir.Node], seeds: set[ir.Node]) -> set[ir.Node]:
    found: set[ir.Node] = set()
    for node in nodes:
        makers = {value.producer() for value in node.inputs if value is not None}
        if makers & seeds or makers & found:
            found.add(node)
    return found


def _nodes_before(nodes: Sequence[ir.Node], seeds: set[ir.Node]) -> set[ir.Node]:
    found: set[ir.Node] = set()
    for node in reversed(nodes):
        readers = {reader for value in node.outputs for reader in value.consumers()}
        if readers & seeds or readers & found:
            found.add(node)
    return found


def growth(short: Region, long: Region) -> tuple[list[int | None], list[int]]:
    """Return the time axes of a region's inputs and outputs.

    Raises:
        NoScan: the region reads or makes other tensors at another length, or one with two time axes.
    """
    borders = [*short.inputs, *short.outputs], [*long.inputs, *long.outputs]
    if len(short.inputs) != len(long.inputs) or len(borders[0]) != len(borders[1]):
        raise NoScan("reads a different set of tensors at another length")
    axes = [_grown_axis(one, other) for one, other in zip(*borders, strict=True)]
    count = len(short.inputs)
    made = [axis for axis in axes[count:] if axis is not None]
    if len(made) < len(axes) - count:
        raise NoScan("gives a result without time")
    return axes[:count], made


def _grown_axis(one: ir.Value, other: ir.Value) -> int | None:
    before, after = static_shape(one), static_shape(other)
    if before is None or after is None or len(before) != len(after):
        raise NoScan("reads a different set of tensors at another length")
    axes = [axis for axis, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]
    if len(axes) > 1:
        raise NoScan("reads a tensor with two axes of time")
    return axes[0] if axes else None


def frames_of(region: Region, axes: Sequence[int | None]) -> int:
    """Return the frames of all inputs along time.

    Raises:
        NoScan: they have different numbers of frames.
    """
    pairs = zip(region.inputs, axes, strict=True)
    found = {(static_shape(value) or ())[axis] for value, axis in pairs if axis is not None}
    if len(found) != 1:
        raise NoScan("reads tensors of different rates")
    return found.pop()
