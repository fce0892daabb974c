"""Nodes that change nothing: Dropout, Identity, and casts, slices, arithmetic without effect."""

from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from edgekit.export.passes.each_node import EachNode
from edgekit.graph.nodes import array_of, attribute, bypass, optional, static_shape


class RemoveNoOps(EachNode):
    """Remove every node of `UNCHANGED` whose output equals its first (or only varying) input.

    A node between a graph input and a graph output stays, as Identity: both need their own name.
    """

    def rewrite(self, graph: ir.Graph, node: ir.Node) -> bool:
        """Remove a node without effect."""
        rule = None if node.domain else UNCHANGED.get(node.op_type)
        source = rule(node) if rule else None
        if source is None or bypass(graph, node, source):
            return source is not None
        if node.op_type != "Identity":
            _make_identity(graph, node, source)
        return node.op_type != "Identity"


def _make_identity(graph: ir.Graph, node: ir.Node, source: ir.Value) -> None:
    identity = ir.node("Identity", [source], name=node.name)
    identity.metadata_props.update(node.metadata_props)
    ir.convenience.replace_nodes_and_values(
        graph, node, [node], [identity], [node.outputs[0]], [identity.outputs[0]]
    )


def _always(node: ir.Node) -> ir.Value | None:
    return node.inputs[0]


def _same_shape(node: ir.Node) -> ir.Value | None:
    shape = static_shape(node.inputs[0])
    return node.inputs[0] if shape is not None and shape == static_shape(node.outputs[0]) else None


def _dropout(node: ir.Node) -> ir.Value | None:
    mask_is_read = any(len(mask.uses()) or mask.is_graph_output() for mask in node.outputs[1:])
    training = optional(node, 2)
    flag = array_of(training)
    trains = training is not None and (flag is None or bool(flag.any()))
    return None if mask_is_read or trains else node.inputs[0]


def _cast(node: ir.Node) -> ir.Value | None:
    source = node.inputs[0]
    return source if source is not None and source.dtype == attribute(node, "to", None) else None


def _transpose(node: ir.Node) -> ir.Value | None:
    perm = attribute(node, "perm", None)
    return node.inputs[0] if perm is not None and list(perm) == sorted(perm) else None


def _slice(node: ir.Node) -> ir.Value | None:
    steps = array_of(node.inputs[4]) if len(node.inputs) > 4 else np.ones(1)
    return _same_shape(node) if steps is not None and (steps > 0).all() else None


def _pad(node: ir.Node) -> ir.Value | None:
    pads = array_of(node.inputs[1])
    return node.inputs[0] if pads is not None and not pads.any() else None


def _one_input(node: ir.Node) -> ir.Value | None:
    return node.inputs[0] if len(node.inputs) == 1 else None


def _one_output(node: ir.Node) -> ir.Value | None:
    return node.inputs[0] if len(node.outputs) == 1 else None


def _neutral(number: float, commutes: bool) -> Callable[[ir.Node], ir.Value | None]:
    def rule(node: ir.Node) -> ir.Value | None:
        for index in (0, 1) if commutes else (1,):
            constant, other = array_of(node.inputs[index]), node.inputs[1 - index]
            if constant is not None and constant.size and (constant == number).all():
                shape = static_shape(other)
                if shape is not None and shape == static_shape(node.outputs[0]):
                    return other
        return None

    return rule


UNCHANGED: dict[str, Callable[[ir.Node], ir.Value | None]] = {
    "Identity": _always,
    "Dropout": _dropout,
    "Cast": _cast,
    "Reshape": _same_shape,
    "Expand": _same_shape,
    "Transpose": _transpose,
    "Slice": _slice,
    "Pad": _pad,
    "Concat": _one_input,
    "Split": _one_output,
    "Add": _neutral(0, True),
    "Sub": _neutral(0, False),
    "Mul": _neutral(1, True),
    "Div": _neutral(1, False),
}
