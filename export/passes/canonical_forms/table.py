"""Rewrites operators with constants to simpler ones: Compress to Gather, Gemm to its plain form."""

from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from edgekit.export.passes.canonical_forms import recurrent, slopes, spectral
from edgekit.export.passes.chain import Chain
from edgekit.export.passes.each_node import EachNode
from edgekit.export.passes.foreign_integers import integer_products
from edgekit.graph.nodes import (
    array_of,
    attribute,
    optional,
    producer_of,
    static_shape,
    stored_array,
)


class Canonical(EachNode):
    """Rewrite every node for which a rule of `RULES` has a simpler form."""

    def rewrite(self, graph: ir.Graph, node: ir.Node) -> bool:
        """Apply the rule of its operator."""
        rule = None if node.domain else RULES.get(node.op_type)
        return rule is not None and rule(graph, node)


def _compress(graph: ir.Graph, node: ir.Node) -> bool:
    data, condition = node.inputs[0], array_of(node.inputs[1])
    shape = static_shape(data)
    if data is None or condition is None or shape is None or not condition.any():
        return False
    axis = attribute(node, "axis", None)
    chain = Chain(graph, node)
    source = chain.reshape(data, (-1,)) if axis is None else data
    chosen = chain.constant(np.flatnonzero(condition), np.int64)
    chain.add("Gather", source, chosen, axis=axis or 0)
    return chain.finish()


def _gather_one(graph: ir.Graph, node: ir.Node) -> bool:
    """Rewrite GatherND of a single element, as shape inference does not support its empty shape."""
    data, index = node.inputs[0], array_of(node.inputs[1])
    shape = static_shape(data)
    if data is None or index is None or shape is None or index.shape != (len(shape),):
        return False
    if attribute(node, "batch_dims", 0) or np.any((index < np.negative(shape)) | (index >= shape)):
        return False
    chain = Chain(graph, node)
    place = np.ravel_multi_index(tuple(index % shape), shape)
    chain.add("Gather", chain.reshape(data, (-1,)), chain.constant(place, np.int64))
    return chain.finish()


def _gemm(graph: ir.Graph, node: ir.Node) -> bool:
    """Rewrite a Gemm: with constant weights to transA 0, factors 1 and a bias of one row, else to a MatMul."""
    a, b, c = node.inputs[0], node.inputs[1], optional(node, 2)
    shape, beta = static_shape(node.outputs[0]), attribute(node, "beta", 1.0)
    if a is None or b is None or shape is None or b.dtype != ir.DataType.FLOAT:
        return False
    if _is_plain_gemm(node, shape[1]):
        return False
    chain = Chain(graph, node)
    left = chain.transpose(a, [1, 0]) if attribute(node, "transA", 0) else a
    right = chain.transpose(b, [1, 0]) if attribute(node, "transB", 0) else b
    product = _scale(chain, chain.add("MatMul", left, right), attribute(node, "alpha", 1.0))
    if c is not None and beta != 0:
        chain.add("Add", product, _scale(chain, c, beta))
    return chain.finish()


def _is_plain_gemm(node: ir.Node, columns: int) -> bool:
    """Whether a Gemm has constant weights, transA 0, factors 1 and, if any, a constant bias of one row."""
    if attribute(node, "transA", 0) or stored_array(node.inputs[1]) is None:
        return False
    if any(attribute(node, factor, 1.0) != 1 for factor in ("alpha", "beta")):
        return False
    bias = stored_array(optional(node, 2))
    if bias is None:
        return optional(node, 2) is None
    return bias.size in (1, columns) and bias.shape[:-1] in ((), (1,))


def _scale(chain: Chain, value: ir.Value, factor: float) -> ir.Value:
    return value if factor == 1 else chain.add("Mul", value, chain.constant(factor))


def _slice(graph: ir.Graph, node: ir.Node) -> bool:
    return _slice_fewer_axes(graph, node) or _slice_of_concat(graph, node)


def _slice_fewer_axes(graph: ir.Graph, node: ir.Node) -> bool:
    """Leave out the axes of which a Slice takes all: what reads one axis, as of time, is then found."""
    shape = static_shape(node.inputs[0])
    starts, ends, axes, steps = (array_of(optional(node, index)) for index in range(1, 5))
    if shape is None or starts is None or ends is None or axes is None:
        return False
    table = np.stack([starts, ends, axes, np.ones_like(axes) if steps is None else steps], 1)
    chosen = table[[not _takes_all(shape, *map(int, row)) for row in table]]
    if not 0 < len(chosen) < len(table):
        return False
    chain = Chain(graph, node)
    chain.add("Slice", node.inputs[0], *(chain.constant(part, np.int64) for part in chosen.T))
    return chain.finish()


def _takes_all(shape: tuple[int, ...], start: int, end: int, axis: int, step: int) -> bool:
    return slice(start, end, step).indices(shape[axis]) == (0, shape[axis], 1)


def _slice_of_concat(graph: ir.Graph, node: ir.Node) -> bool:
    """Replace a Slice within one operand of a Concat, as after a cyclic shift, by a Slice of that operand.

    Not if that is an input: then it is a state, and the Concat is the window of its frames, which C keeps in a ring.
    """
    concat, bounds = producer_of(node.inputs[0]), _bounds_along_axis(node)
    if concat is None or concat.op_type != "Concat" or bounds is None:
        return False
    axis, start, end = bounds
    rank, at = len(static_shape(node.inputs[0]) or ()), 0
    if axis != int(attribute(concat, "axis", 0)) % rank:
        return False
    for part in concat.inputs:
        size = (static_shape(part) or (0,) * rank)[axis]
        if at <= start < end <= at + size and not (part is None or part.is_graph_input()):
            chain = Chain(graph, node)
            ends = (chain.constant([place - at], np.int64) for place in (start, end))
            chain.add("Slice", part, *ends, *node.inputs[3:])
            return chain.finish()
        at += size
    return False


def _bounds_along_axis(node: ir.Node) -> tuple[int, int, int] | None:
    """Return (axis, start, end) of a Slice that goes forward along one axis; None for any other."""
    shape = static_shape(node.inputs[0])
    starts, ends, axes, steps = (array_of(optional(node, index)) for index in range(1, 5))
    if shape is None or starts is None or ends is None or axes is None or starts.size != 1:
        return None
    if steps is not None and steps.ravel()[0] < 1:
        return None
    axis = int(axes.ravel()[0]) % len(shape)
    start, end, _ = slice(int(starts.ravel()[0]), int(ends.ravel()[0])).indices(shape[axis])
    return axis, start, end


def _split_constant(graph: ir.Graph, node: ir.Node) -> bool:
    """Split a constant at once, as zero states that are made for all groups."""
    array = array_of(node.inputs[0])
    shapes = [static_shape(output) for output in node.outputs]
    if array is None or any(shape is None for shape in shapes):
        return False
    axis = int(attribute(node, "axis", 0)) % array.ndim
    ends = np.cumsum([(shape or (0,) * array.ndim)[axis] for shape in shapes])
    chain = Chain(graph, node)
    parts = np.split(array, ends[:-1], axis)
    kinds = array.dtype.type
    results = {
        output: chain.add("Identity", chain.constant(part, kinds))
        for output, part in zip(node.outputs, parts, strict=True)
    }
    return chain.finish(results)


RULES: dict[str, Callable[[ir.Graph, ir.Node], bool]] = {
    "Compress": _compress,
    "ConvInteger": integer_products.conv_integer,
    "DFT": spectral.dft,
    "Einsum": spectral.einsum,
    "GatherND": _gather_one,
    "Gemm": _gemm,
    "GRU": recurrent.plain,
    "LSTM": recurrent.plain,
    "RNN": recurrent.plain,
    "Slice": _slice,
    "Split": _split_constant,
    "Max": slopes.prelu_of_max,
    "MatMulInteger": integer_products.matmul_integer,
    "STFT": spectral.stft,
    "Where": slopes.prelu_of_where,
}
