"""Cuts and joins have static shapes at once, and what they make of constants is constant."""

import numpy as np
import onnx_ir as ir

from edgekit.export.passes.constant_parts import Parts
from edgekit.graph.nodes import array_of, static_shape


def parts_of_a_node() -> tuple[Parts, ir.Value]:
    x = ir.Value(name="x", shape=ir.Shape([2, 6]), type=ir.TensorType(ir.DataType.FLOAT))
    node = ir.node("Identity", [x], name="n")
    graph = ir.Graph([x], node.outputs, nodes=[node], name="g")
    return Parts(graph, node), x


def test_shapes_of_cuts_and_joins() -> None:
    parts, x = parts_of_a_node()
    left, right = parts.cut(x, 1, 0, 2), parts.rows(x, 1, np.array([5, 3]))
    assert static_shape(parts.join([left, right], 1)) == (2, 4)
    assert static_shape(parts.place_rows(left, 1, -1, 5)) == (2, 5)
    assert static_shape(parts.fill_up(left, 1, 3)) == (2, 3)
    assert parts.cut(x, 1, 0, 6) is x
    turned = parts.transpose(x, [1, 0])
    assert static_shape(turned) == (6, 2)
    assert parts.transpose(turned, [1, 0]) is x


def test_constants_stay_constants() -> None:
    parts, _ = parts_of_a_node()
    table = parts.constant(np.arange(6).reshape(2, 3))
    moved = array_of(parts.rows(parts.transpose(table, [1, 0]), 0, np.array([2, 0])))
    assert moved is not None
    assert moved.tolist() == [[2, 5], [0, 3]]
    assert not parts.new
