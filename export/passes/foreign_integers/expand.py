"""Quantizers that have no integer form, as arithmetic in float with the same result."""

import numpy as np
import onnx_ir as ir

from edgekit.export.passes.chain import Chain
from edgekit.export.passes.foreign_integers.grids import axis_of, integer_type, is_dequantizer
from edgekit.graph.nodes import optional, static_shape


def expand_quantizer(graph: ir.Graph, node: ir.Node) -> None:
    """Rewrite to ``clip(round(x / scale) + zero)`` in float; readers use it without conversion to integers."""
    source, dtype, shape = node.inputs[0], integer_type(node), static_shape(node.inputs[0])
    if source is None or dtype is None or shape is None:
        return
    readers = [user.node for user in node.outputs[0].uses() if user.idx == 0]
    info = np.iinfo(dtype.numpy())
    chain = Chain(graph, node)
    levels = chain.add("Div", source, _broadcast(chain, node, 1, shape))
    levels = chain.add("Round", levels)
    if optional(node, 2) is not None:
        levels = chain.add("Add", levels, _broadcast(chain, node, 2, shape))
    levels = chain.add("Clip", levels, chain.constant(info.min), chain.constant(info.max))
    levels.shape, levels.type = ir.Shape(shape), ir.TensorType(ir.DataType.FLOAT)
    integers = chain.add("Cast", levels, to=dtype)
    chain.finish()
    for reader in filter(is_dequantizer, readers):
        expand_dequantizer(graph, reader, levels)
    if not integers.uses() and not integers.is_graph_output():
        graph.remove(chain.new[-1], safe=True)


def expand_dequantizer(graph: ir.Graph, node: ir.Node, levels: ir.Value | None = None) -> None:
    """``(q - zero) * scale``, with `levels` as integers that are already in float."""
    source, shape = node.inputs[0], static_shape(node.inputs[0])
    if source is None or shape is None:
        return
    chain = Chain(graph, node)
    if levels is None:
        levels = chain.add("Cast", source, to=ir.DataType.FLOAT)
    if optional(node, 2) is not None:
        levels = chain.add("Sub", levels, _broadcast(chain, node, 2, shape))
    chain.add("Mul", levels, _broadcast(chain, node, 1, shape))
    chain.finish()


def _broadcast(chain: Chain, node: ir.Node, index: int, shape: tuple[int, ...]) -> ir.Value:
    """Scale or zero point in float, shaped so that it broadcasts over the tensor."""
    part = node.inputs[index]
    assert part is not None
    real = part if part.dtype == ir.DataType.FLOAT else chain.add("Cast", part, to=1)
    if int(np.prod(static_shape(part) or ())) == 1:
        return chain.reshape(real, ())
    return chain.reshape(real, (-1, *[1] * (len(shape) - 1 - axis_of(node))))
