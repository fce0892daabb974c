"""Rewrites every product with a constant matrix to one Gemm on 2-D data."""

import math

import numpy as np
import onnx_ir as ir

from edgekit.export.passes.each_node import EachNode
from edgekit.graph.nodes import (
    add_initializer,
    replace,
    static_shape,
    stored_array,
    unused_name,
    value_names,
)


class MatMulToGemm(EachNode):
    """Rewrite ``MatMul(x, W)``, x (..., in), W a constant (in, out), as Reshape, Gemm, Reshape.

    A bias that is added after it is folded by `FoldScales`.
    """

    def rewrite(self, graph: ir.Graph, node: ir.Node) -> bool:
        """Rewrite a MatMul."""
        if node.op_type != "MatMul" or node.domain:
            return False
        data, matrix = node.inputs[0], stored_array(node.inputs[1])
        shape = static_shape(data)
        if data is None or matrix is None or matrix.ndim != 2 or shape is None or len(shape) < 2:
            return False
        if node.inputs[1] is None or node.inputs[1].dtype != ir.DataType.FLOAT:
            return False
        rows, (_, columns) = math.prod(shape[:-1]), matrix.shape
        new: list[ir.Node] = []
        flat = data
        if len(shape) > 2:
            new.append(_reshape(graph, data, (rows, shape[-1]), f"{node.name}_rows"))
            flat = new[-1].outputs[0]
        gemm = ir.node("Gemm", [flat, node.inputs[1]], name=node.name)
        gemm.metadata_props.update(node.metadata_props)
        gemm.meta.update(node.meta)
        _describe(graph, gemm.outputs[0], f"{node.name}_product", (rows, columns))
        new.append(gemm)
        if len(shape) > 2:
            new.append(
                _reshape(graph, gemm.outputs[0], (*shape[:-1], columns), f"{node.name}_shape")
            )
        replace(graph, node, new)
        return True


def _reshape(graph: ir.Graph, source: ir.Value, shape: tuple[int, ...], name: str) -> ir.Node:
    dims = add_initializer(graph, f"{name}_dims", np.array(shape, np.int64))
    node = ir.node("Reshape", [source, dims], name=name)
    _describe(graph, node.outputs[0], name, shape)
    return node


def _describe(graph: ir.Graph, value: ir.Value, name: str, shape: tuple[int, ...]) -> None:
    value.name = unused_name(value_names(graph), name)
    value.shape, value.type = ir.Shape(shape), ir.TensorType(ir.DataType.FLOAT)
