"""Writes a slope for values below 0 as one PRelu, where an exporter has a comparison, a product and a choice for it."""

import onnx_ir as ir

from edgekit.export.passes.chain import Chain
from edgekit.graph.nodes import array_of, producer_of, static_shape


def prelu_of_where(graph: ir.Graph, node: ir.Node) -> bool:
    """Rewrite ``x > 0 ? x : a x``, with any of the four comparisons and either order of operands."""
    condition, above, below = node.inputs
    found = _operand_of_comparison(condition)
    if found is None:
        return False
    x, is_above = found
    if not is_above:
        above, below = below, above
    return above is x and _write_prelu(graph, node, x, _slope(below, x))


def prelu_of_max(graph: ir.Graph, node: ir.Node) -> bool:
    """Rewrite ``max(x, a x)`` with every a above 0, up to 1."""
    if len(node.inputs) != 2:
        return False
    for x, product in (node.inputs, node.inputs[::-1]):
        slope = None if x is None else _slope(product, x)
        array = array_of(slope)
        if x is not None and array is not None and ((array > 0) & (array <= 1)).all():
            return _write_prelu(graph, node, x, slope)
    return False


def _operand_of_comparison(value: ir.Value | None) -> tuple[ir.Value, bool] | None:
    """Return what is compared with 0, and whether the comparison holds for values above it."""
    node = producer_of(value)
    holds_above = None if node is None else _holds_above(node)
    if node is None or holds_above is None:
        return None
    for x, bound, is_above in (
        (node.inputs[0], node.inputs[1], holds_above),
        (node.inputs[1], node.inputs[0], not holds_above),
    ):
        array = array_of(bound)
        if x is not None and array is not None and not array.any():
            return x, is_above
    return None


def _holds_above(node: ir.Node) -> bool | None:
    """Return whether a comparison holds for numbers above its second operand; None if it is no comparison of order."""
    if node.domain:
        return None
    if node.op_type.startswith("Less"):
        return False
    return True if node.op_type.startswith("Greater") else None


def _slope(product: ir.Value | None, x: ir.Value) -> ir.Value | None:
    """Return the constant factor of a product with x."""
    node = producer_of(product)
    if node is None or node.domain or node.op_type != "Mul":
        return None
    for own, factor in (node.inputs, node.inputs[::-1]):
        if own is x and array_of(factor) is not None:
            return factor
    return None


def _write_prelu(graph: ir.Graph, node: ir.Node, x: ir.Value, slope: ir.Value | None) -> bool:
    """Replace a node by a PRelu of floats; not if the slope enlarges x, which ONNX leaves undefined."""
    shape, result = static_shape(x), static_shape(node.outputs[0])
    if slope is None or shape is None or shape != result or x.dtype != ir.DataType.FLOAT:
        return False
    chain = Chain(graph, node)
    chain.add("PRelu", x, slope)
    return chain.finish()
