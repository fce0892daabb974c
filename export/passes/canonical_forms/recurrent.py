"""Recurrent layers in their plain form: forward, time first, whole sequences, no states of zeros.

A backward cell is a forward one on the reversed sequence, its sequence of outputs reversed; a bidirectional
layer is one of each, concatenated. The sequence is what one call gets: a stream has no last sample to begin at.
"""

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from edgekit.export.passes.chain import Chain
from edgekit.graph.model import WITHIN_HOP
from edgekit.graph.nodes import array_of, attribute, static_shape

INPUTS = 8  # X, W, R, B, sequence_lens, initial_h, initial_c, P
LENGTHS, STATES, PEEPHOLES = 4, (5, 6), 7
BACKWARD = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}
FIRST, LAST = 2**31 - 1, -(2**31)  # bounds of a slice that walks backward over any axis


def plain(graph: ir.Graph, node: ir.Node) -> bool:
    """Rewrite a GRU, LSTM or RNN whose lengths, if it has any, are those of the whole sequence."""
    batch_first = bool(attribute(node, "layout", 0))
    backward = BACKWARD.get(attribute(node, "direction", "forward"))
    inputs = [*node.inputs, *[None] * (INPUTS - len(node.inputs))]
    used = [i for i, value in enumerate(node.outputs) if value.uses() or value.is_graph_output()]
    if backward is None or not used or not _is_whole(inputs, batch_first):
        return False
    kept = [None if i == LENGTHS or _zeros(i, value) else value for i, value in enumerate(inputs)]
    if backward == (False,) and not batch_first and kept == inputs:
        return False
    chain = Chain(graph, node)
    if batch_first:
        kept = _time_first(chain, kept)
    cells = [_cell(chain, kept, order, backward) for order in range(len(backward))]
    results = {}
    for i in used:
        result = _concatenate_parts(chain, [cell[i] for cell in cells], axis=1 if i == 0 else 0)
        if batch_first:
            result = chain.transpose(result, [2, 0, 1, 3] if i == 0 else [1, 0, 2])
        results[node.outputs[i]] = result
    return chain.finish(results)


def _time_first(chain: Chain, inputs: list[ir.Value | None]) -> list[ir.Value | None]:
    """Inputs of a layer with the batch first, turned."""
    return [
        value if value is None or i not in (0, *STATES) else chain.transpose(value, [1, 0, 2])
        for i, value in enumerate(inputs)
    ]


def _is_whole(inputs: list[ir.Value | None], batch_first: bool) -> bool:
    """Whether a layer reads the whole of a sequence of known length."""
    shape, lengths = static_shape(inputs[0]), array_of(inputs[LENGTHS])
    if shape is None or len(shape) != 3:
        return False
    if inputs[LENGTHS] is None:
        return True
    return lengths is not None and bool((lengths == shape[batch_first]).all())


def _zeros(index: int, value: ir.Value | None) -> bool:
    """Whether an initial state or peepholes are what they are when left out."""
    array = array_of(value) if index in (*STATES, PEEPHOLES) else None
    return array is not None and not array.any()


def _cell(
    chain: Chain, inputs: Sequence[ir.Value | None], order: int, backward: Sequence[bool]
) -> list[ir.Value]:
    """One direction of the layer as a forward cell; returns its outputs, Y in the order of X."""
    node, count = chain.node, len(backward)
    x, *rest = inputs
    assert x is not None
    own = [None if v is None else _part(chain, v, order, count) for v in rest]
    while own[-1] is None:
        own.pop()
    attributes = dict(node.attributes)
    for name in ("direction", "layout", "activations"):
        attributes.pop(name, None)
    named = attribute(node, "activations", ())
    size = len(named) // count
    if named:
        functions = list(named[order * size : (order + 1) * size])
        attributes["activations"] = ir.AttrStrings("activations", functions)
    sequence = _reverse_time(chain, x) if backward[order] else x
    sense = "_backward" if backward[order] else "_forward" if any(backward) else ""
    outputs = chain.add_all(
        node.op_type, [sequence, *own], attributes, len(node.outputs), f"{node.name or ''}{sense}"
    )
    if any(backward):
        chain.new[-1].metadata_props[WITHIN_HOP] = "1"
    if backward[order]:
        outputs[0] = _reverse_time(chain, outputs[0])
    return outputs


def _part(chain: Chain, value: ir.Value, order: int, count: int) -> ir.Value:
    if count == 1:
        return value
    bounds = [chain.constant([n], np.int64) for n in (order, order + 1, 0)]
    return chain.add("Slice", value, *bounds)


def _reverse_time(chain: Chain, value: ir.Value) -> ir.Value:
    bounds = [chain.constant([n], np.int64) for n in (FIRST, LAST, 0, -1)]
    return chain.add("Slice", value, *bounds)


def _concatenate_parts(chain: Chain, parts: list[ir.Value], axis: int) -> ir.Value:
    return parts[0] if len(parts) == 1 else chain.add("Concat", *parts, axis=axis)
