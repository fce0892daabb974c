"""Rewrites all operators that only rename axes to one: Reshape with a constant shape."""

import math

import numpy as np
import onnx_ir as ir

from edgekit.export.passes.each_node import EachNode
from edgekit.graph.facts import facts_of
from edgekit.graph.nodes import add_initializer, array_of, attribute, replace, static_shape


class UnifyReshapes(EachNode):
    """Rewrite Squeeze, Unsqueeze, Flatten, unit-axis Transpose to Reshape; merge neighbours."""

    def rewrite(self, graph: ir.Graph, node: ir.Node) -> bool:
        """Rewrite nodes that only rename axes."""
        stays = node.op_type == "Transpose" and not moves_only_unit_axes(node)
        return renames(node) and not stays and _to_reshape(graph, node)


def renames(node: ir.Node) -> bool:
    """Return whether a node only changes names, extents or places of its input's axes."""
    facts = facts_of(node)
    return facts.name == "Transpose" or (facts.moves == "renames" and not facts.elementwise)


def moves_only_unit_axes(node: ir.Node) -> bool:
    """Return whether a Transpose leaves every element where it is in memory."""
    shape = static_shape(node.inputs[0])
    if shape is None:
        return False
    perm = attribute(node, "perm", None) or range(len(shape))[::-1]
    moved = [axis for axis in perm if shape[axis] != 1]
    return moved == sorted(moved)


def _to_reshape(graph: ir.Graph, node: ir.Node) -> bool:
    source, shape = node.inputs[0], static_shape(node.outputs[0])
    if source is None or static_shape(source) is None or shape is None or not math.prod(shape):
        return False
    producer = source.producer()
    dims = array_of(node.inputs[1]) if _is_reshape(node) else None
    if producer is not None and _is_reshape(producer):
        source = producer.inputs[0]
    elif dims is not None and tuple(dims) == shape:
        return False
    constant = add_initializer(graph, f"{node.outputs[0].name}_dims", np.array(shape, np.int64))
    replace(graph, node, [ir.node("Reshape", [source, constant], name=node.name)])
    return True


def _is_reshape(node: ir.Node) -> bool:
    return node.op_type == "Reshape" and not node.domain
