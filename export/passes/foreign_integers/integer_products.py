"""MatMulInteger and ConvInteger as float products, where every sum is exact in float32."""

import numpy as np
import onnx_ir as ir

from edgekit.export.passes.chain import Chain
from edgekit.graph.nodes import array_of, optional, static_shape

EXACT = 2**24  # integers up to here are exact in float32
SPAN = 255  # of 8-bit integers around a zero point among them


def matmul_integer(graph: ir.Graph, node: ir.Node) -> bool:
    """Rewrite to ``MatMul(a - a_zero, b - b_zero)``, in as many parts as exact sums need."""
    a, b = node.inputs[0], node.inputs[1]
    left, right = static_shape(a), static_shape(b)
    if a is None or b is None or left is None or right is None or min(len(left), len(right)) < 2:
        return False
    chain = Chain(graph, node)
    a_real, b_real = (
        _subtract_zero_point(chain, node, 0, (-1, 1)),
        _subtract_zero_point(chain, node, 1, (-1,)),
    )
    depth = left[-1]
    step = max(1, min(depth, (EXACT - 1) // (SPAN * _largest(node))))
    total: ir.Value | None = None
    for start in range(0, depth, step):
        parts = a_real, b_real
        if step < depth:
            ends = chain.constant([start], np.int64), chain.constant([start + step], np.int64)
            parts = (
                chain.add("Slice", a_real, *ends, chain.constant([-1], np.int64)),
                chain.add("Slice", b_real, *ends, chain.constant([-2], np.int64)),
            )
        part = chain.add("Cast", chain.add("MatMul", *parts), to=ir.DataType.INT32)
        total = part if total is None else chain.add("Add", total, part)
    return chain.finish()


def conv_integer(graph: ir.Graph, node: ir.Node) -> bool:
    """Rewrite to ``Conv(x - x_zero, w - w_zero)``; unchanged if a sum may be inexact."""
    x, w = static_shape(node.inputs[0]), static_shape(node.inputs[1])
    if x is None or w is None or int(np.prod(w[1:])) * SPAN * _largest(node) >= EXACT:
        return False
    chain = Chain(graph, node)
    kept = {name: item.value for name, item in node.attributes.items()}
    shape = (-1, *[1] * (len(w) - 1))
    parts = _subtract_zero_point(chain, node, 0, ()), _subtract_zero_point(chain, node, 1, shape)
    chain.add("Cast", chain.add("Conv", *parts, **kept), to=ir.DataType.INT32)
    return chain.finish()


def _largest(node: ir.Node) -> int:
    """Return the largest distance of a weight from its zero point."""
    weights, given = array_of(node.inputs[1]), optional(node, 3)
    zero = np.zeros(1, np.int64) if given is None else array_of(given)
    if weights is None or zero is None or zero.size != 1:
        return SPAN
    return max(1, int(np.abs(weights.astype(np.int64) - zero.astype(np.int64).ravel()).max()))


def _subtract_zero_point(
    chain: Chain, node: ir.Node, index: int, shape: tuple[int, ...]
) -> ir.Value:
    """Return the integers of an operand minus its zero point, in float; `shape` is that of several ones."""
    real = chain.add("Cast", node.inputs[index], to=ir.DataType.FLOAT)
    zero = optional(node, index + 2)
    if zero is None:
        return real
    point = chain.add("Cast", zero, to=ir.DataType.FLOAT)
    several = int(np.prod(static_shape(zero) or ())) != 1
    return chain.add("Sub", real, chain.reshape(point, shape if several else ()))
