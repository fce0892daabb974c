"""Moves the product of a recurrent layer with its input to an ordinary layer.

One Gemm makes W x of all steps. The cell reads that instead of x, and its W is the identity. The float network stays
the same, up to the order in which it adds biases; integers skip that W.
"""

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.graph.nodes import add_initializer, attribute, unused_name, value_names
from edgekit.operators.geometry import dims, optional
from edgekit.operators.roles import GATE_SUMS, constant

MATRIX = "matrix"  # in the meta of a W that several cells share: the input of all their products


def take_out(graph: ir.Graph, cell: ir.Node) -> None:
    """Add a Gemm that multiplies x (steps, batch, inputs) by W, which keeps its name.

    Its bias moves to the product with h, unless a GRU multiplies that by a gate.
    """
    x, w = cell.inputs[:2]
    weight, bias = constant(w), constant(optional(cell, 3))
    assert x is not None and w is not None and weight is not None, cell.name
    name, gates, (steps, batch, inputs) = str(cell.name), weight.shape[1], dims(x)
    operands = [
        _append_reshape(graph, x, (steps * batch, inputs), f"{name}.rows"),
        _matrix(graph, w, weight[0]),
    ]
    if bias is not None:
        of_x, of_h = bias[0, :gates], bias[0, gates:]
        if attribute(cell, "linear_before_reset", 0):
            operands.append(add_initializer(graph, f"{name}.x_bias", of_x))
        else:
            of_h = of_x + of_h
        both = np.concatenate([np.zeros_like(of_x), of_h])
        cell.replace_input_with(3, add_initializer(graph, f"{name}.h_bias", both[None]))
    gemm = ir.node("Gemm", operands, {"transB": 1}, name=f"{name}.product")
    graph.append(gemm)
    sums = _name_gate_sum(gemm, (steps * batch, gates), f"{name}.sums")
    cell.replace_input_with(0, _append_reshape(graph, sums, (steps, batch, gates), f"{name}.gates"))
    own = np.eye(gates, dtype=np.float32)[None]
    cell.replace_input_with(1, add_initializer(graph, f"{name}.own", own))
    cell.metadata_props[GATE_SUMS] = "1"


def _matrix(graph: ir.Graph, w: ir.Value, weight: Array) -> ir.Value:
    """W without its first axis, (gates, inputs), under its name; the cells that still read W have it under another."""
    name = str(w.name)
    graph.initializers.pop(name)
    matrix: ir.Value | None = w.meta.get(MATRIX)
    if matrix is None:
        matrix = w.meta[MATRIX] = add_initializer(graph, name, weight)
    if len(w.uses()) > 1:
        w.name = unused_name(value_names(graph), name)
        graph.register_initializer(w)
    return matrix


def _append_reshape(
    graph: ir.Graph, value: ir.Value, shape: tuple[int, ...], name: str
) -> ir.Value:
    sizes = add_initializer(graph, f"{name}.shape", np.array(shape, np.int64))
    node = ir.node("Reshape", [value, sizes], name=name)
    graph.append(node)
    return _name_gate_sum(node, shape, name)


def _name_gate_sum(node: ir.Node, shape: tuple[int, ...], name: str) -> ir.Value:
    value = node.outputs[0]
    value.name, value.type, value.shape = name, ir.TensorType(ir.DataType.FLOAT), ir.Shape(shape)
    return value
