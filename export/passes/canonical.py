"""Operators that constants turn into simpler ones: Compress into Gather, Gemm into its plain form."""

from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from edgekit.export.passes.graph import (
    add_initializer,
    array_of,
    attribute,
    replace,
    static_shape,
)


class Canonical(ir.passes.InPlacePass):
    """Rewrite every node that a rule of `RULES` knows a simpler form of."""

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Rewrite in place."""
        modified = False
        for node in list(model.graph):
            rule = None if node.domain else RULES.get(node.op_type)
            modified |= rule is not None and rule(model.graph, node)
        return ir.passes.PassResult(model, modified=modified)


def _compress(graph: ir.Graph, node: ir.Node) -> bool:
    data, condition = node.inputs[0], array_of(node.inputs[1])
    shape = static_shape(data)
    if data is None or condition is None or shape is None or not condition.any():
        return False
    axis = attribute(node, "axis", None)
    new: list[ir.Node] = []
    if axis is None:
        flat = add_initializer(graph, f"{node.name}_flat", np.array([-1], np.int64))
        new.append(ir.node("Reshape", [data, flat], name=f"{node.name}_reshape"))
    chosen = add_initializer(graph, f"{node.name}_indices", np.flatnonzero(condition))
    source = new[-1].outputs[0] if new else data
    new.append(ir.node("Gather", [source, chosen], {"axis": axis or 0}, name=node.name))
    replace(graph, node, new)
    return True


def _gemm(graph: ir.Graph, node: ir.Node) -> bool:
    """Gemm with constant weights gets transA 0, factors 1 and a bias of one row, else it is a MatMul."""
    a, b = node.inputs[0], node.inputs[1]
    c = node.inputs[2] if len(node.inputs) > 2 else None
    alpha, beta = attribute(node, "alpha", 1.0), attribute(node, "beta", 1.0)
    weights, bias, shape = array_of(b), array_of(c), static_shape(node.outputs[0])
    if a is None or b is None or shape is None or b.dtype != ir.DataType.FLOAT:
        return False
    row = c is None or (
        bias is not None and bias.size in (1, shape[1]) and bias.shape[:-1] in ((), (1,))
    )
    plain = weights is not None and row and alpha == beta == 1 and not attribute(node, "transA", 0)
    if plain:
        return False
    new: list[ir.Node] = []

    def add(op_type: str, *inputs: ir.Value, **attributes: object) -> ir.Value:
        name = f"{node.name}_{op_type.lower()}{len(new)}"
        new.append(ir.node(op_type, inputs, attributes, name=name))  # type: ignore[arg-type]
        return new[-1].outputs[0]

    def number(value: float) -> ir.Value:
        return add_initializer(graph, f"{node.name}_factor", np.array(value, np.float32))

    left = add("Transpose", a, perm=[1, 0]) if attribute(node, "transA", 0) else a
    right = add("Transpose", b, perm=[1, 0]) if attribute(node, "transB", 0) else b
    result = add("MatMul", left, right)
    if alpha != 1:
        result = add("Mul", result, number(alpha))
    if c is not None and beta != 0:
        result = add("Add", result, c if beta == 1 else add("Mul", c, number(beta)))
    replace(graph, node, new)
    return True


RULES: dict[str, Callable[[ir.Graph, ir.Node], bool]] = {
    "Compress": _compress,
    "Gemm": _gemm,
}
