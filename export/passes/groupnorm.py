"""Rewrites GroupNormalization, which ONNX shape inference does not support, to InstanceNormalization."""

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from edgekit.export.passes.each_node import EachNode
from edgekit.graph.nodes import add_initializer, attribute, replace, static_shape


class SplitGroupNorm(EachNode):
    """Normalize groups as if each were a channel, then scale and shift the channels."""

    def rewrite(self, graph: ir.Graph, node: ir.Node) -> bool:
        """Rewrite a GroupNormalization."""
        if node.op_type != "GroupNormalization" or node.domain or not _has_groups(node):
            return False
        data, scale, bias = node.inputs[:3]
        shape, groups = static_shape(scale), int(attribute(node, "num_groups", 0))
        new = list[ir.Node]()

        def constant(label: str, array: NDArray[np.generic]) -> ir.Value:
            return add_initializer(graph, f"{node.name}/{label}", array)

        def add(op_type: str, *inputs: ir.Value | None, **attributes: float) -> ir.Value:
            label = f"{node.name}/{op_type.lower()}{len(new)}"
            new.append(ir.node(op_type, list(inputs), attributes, name=label))
            new[-1].outputs[0].name = label
            return new[-1].outputs[0]

        column = constant("column", np.array([-1, 1], np.int64))
        as_groups = constant("groups", np.array([0, groups, -1], np.int64))
        as_channels = (
            constant("channels", np.array([0, shape[0], -1], np.int64))
            if shape is not None
            else add(  # a computed scale, whose shape is not inferred yet
                "Concat",
                constant("batch", np.array([0], np.int64)),
                add("Shape", scale),
                constant("rest", np.array([-1], np.int64)),
                axis=0,
            )
        )
        ones = constant("ones", np.ones(groups, np.float32))
        zeros = constant("zeros", np.zeros(groups, np.float32))
        epsilon = float(attribute(node, "epsilon", 1e-5))
        grouped = add("Reshape", data, as_groups)
        normal = add("InstanceNormalization", grouped, ones, zeros, epsilon=epsilon)
        spread = add("Reshape", normal, as_channels)
        scaled = add("Mul", spread, add("Reshape", scale, column))
        shifted = add("Add", scaled, add("Reshape", bias, column))
        add("Reshape", shifted, add("Shape", data))
        replace(graph, node, new)
        return True


def _has_groups(node: ir.Node) -> bool:
    """Whether the channels of a normalization fall into groups, as far as their number is known."""
    shape, groups = static_shape(node.inputs[1]), int(attribute(node, "num_groups", 0))
    if node.inputs[0] is None or groups < 1:
        return False
    return shape is None or (len(shape) == 1 and shape[0] % groups == 0)
