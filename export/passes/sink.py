"""Moves Reshapes that separate a layer from nodes that can be folded into it."""

import math

import onnx_ir as ir

from edgekit.export.passes.affine import varying_input
from edgekit.export.passes.each_node import EachNode, rewrite_to_fixpoint
from edgekit.export.passes.origins import add_reshaped_constant
from edgekit.graph.facts import facts_of
from edgekit.graph.nodes import (
    add_initializer,
    array_of,
    producer_of,
    replace,
    sole_user,
    static_shape,
)


class SinkReshapes(EachNode):
    """Move a Reshape after the pointwise operators that read it, up to the next other operator.

    A constant operand moves along if it has one value or one value per element.
    """

    def rewrite(self, graph: ir.Graph, node: ir.Node) -> bool:
        """Move a Reshape as far as possible."""
        if node.op_type != "Reshape" or node.domain:
            return False
        return rewrite_to_fixpoint(_sink, graph, node)


class RaiseReshapes(EachNode):
    """Move a Reshape that feeds a Gemm before scales and shifts, unless a layer precedes them."""

    def rewrite(self, graph: ir.Graph, node: ir.Node) -> bool:
        """Move a Reshape as far as possible."""
        user = sole_user(node.outputs[0]) if node.op_type == "Reshape" else None
        if user is None or user.op_type != "Gemm" or _stands_on_layer(node):
            return False
        return rewrite_to_fixpoint(_raise, graph, node)


def _sink(graph: ir.Graph, reshape: ir.Node) -> ir.Node | None:
    """Swap a Reshape with the pointwise node after it; returns the new Reshape."""
    source, moved = reshape.inputs[0], reshape.outputs[0]
    user = sole_user(moved)
    before, after = static_shape(source), static_shape(moved)
    if source is None or user is None or before is None or after is None or user.domain:
        return None
    inputs = _moved_inputs(graph, user, moved, source, after, before)
    if inputs is None:
        return None
    pointwise = _same_operator(user, inputs)
    _describe(pointwise.outputs[0], f"{moved.name}_flat", before, user.outputs[0])
    lowered = ir.node("Reshape", [pointwise.outputs[0], reshape.inputs[1]], name=reshape.name)
    replace(graph, user, [pointwise, lowered])
    graph.remove(reshape, safe=True)
    return lowered


def _raise(graph: ir.Graph, reshape: ir.Node) -> ir.Node | None:
    """Swap a Reshape with the scale or shift above it; returns the new Reshape."""
    source, above = reshape.inputs[0], producer_of(reshape.inputs[0])
    if source is None or above is None or not facts_of(above).affine or sole_user(source) is None:
        return None
    before, after = static_shape(source), static_shape(reshape.outputs[0])
    data = varying_input(above)
    if before is None or after is None or data is None or static_shape(data) != before:
        return None
    raised = ir.node("Reshape", [data, reshape.inputs[1]], name=reshape.name)
    _describe(raised.outputs[0], f"{data.name}_rows", after, data)
    inputs = _moved_inputs(graph, above, data, raised.outputs[0], before, after)
    if inputs is None:
        return None
    replace(graph, reshape, [raised, _same_operator(above, inputs)])
    graph.remove(above, safe=True)
    return raised


def _same_operator(node: ir.Node, inputs: list[ir.Value | None]) -> ir.Node:
    """Return a node like `node` with other inputs."""
    new = ir.Node("", node.op_type, inputs, node.attributes.values(), num_outputs=1, name=node.name)
    new.metadata_props.update(node.metadata_props)
    return new


def _describe(value: ir.Value, name: str, shape: tuple[int, ...], like: ir.Value) -> None:
    value.name, value.shape, value.type = name, ir.Shape(shape), like.type


def _stands_on_layer(reshape: ir.Node) -> bool:
    producer = producer_of(reshape.inputs[0])
    while producer is not None and facts_of(producer).affine:
        producer = producer_of(varying_input(producer))
    return producer is not None and facts_of(producer).linear


def _moved_inputs(
    graph: ir.Graph,
    node: ir.Node,
    data: ir.Value,
    replacement: ir.Value,
    old: tuple[int, ...],
    new: tuple[int, ...],
) -> list[ir.Value | None] | None:
    """Return the node's inputs, data replaced and constants brought from shape `old` to `new`; None if impossible."""
    if not facts_of(node).affine:
        alone = node.inputs[0] is data and _is_pointwise(node)
        return [replacement, *node.inputs[1:]] if alone else None
    if static_shape(node.outputs[0]) != old:
        return None
    inputs = [
        replacement if value is data else _moved_constant(graph, value, old, new)
        for value in node.inputs
    ]
    return None if None in inputs else inputs


def _is_pointwise(node: ir.Node) -> bool:
    """Whether a node computes element by element of its first input, whatever its shape."""
    facts = facts_of(node)
    scalars = all(v is None or static_shape(v) in ((), (1,)) for v in node.inputs[1:])
    return facts.elementwise and not facts.quantizer and scalars


def _moved_constant(
    graph: ir.Graph, value: ir.Value | None, old: tuple[int, ...], new: tuple[int, ...]
) -> ir.Value | None:
    """A constant of one element, or of one for each of the data's, for data of shape `new`; None of any other."""
    array = array_of(value)
    if value is None or array is None:
        return None
    if array.size == 1:
        return add_initializer(graph, f"{value.name}_scalar", array.reshape(()))
    if array.size == math.prod(old):
        return add_reshaped_constant(graph, value, array, new, "moved")
    return None
