"""Recurrent layers in their plain form: forward, time first, whole sequences, no states of zeros.

A backward cell is a forward one on the reversed sequence, its sequence of outputs reversed; a bidirectional
layer is one of each, concatenated. The sequence is that of one call: a stream has no last sample to begin at.
"""

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from edgekit.export.passes.chain import Chain
from edgekit.graph.model import WITHIN_HOP
from edgekit.graph.nodes import array_of, attribute, optional, static_shape

INPUTS = 8  # X, W, R, B, sequence_lens, initial_h, initial_c, P
LENGTHS, STATES, PEEPHOLES = 4, (5, 6), 7
BACKWARD = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}
FIRST, LAST = 2**31 - 1, -(2**31)  # bounds of a slice that walks backward over any axis


def plain(graph: ir.Graph, node: ir.Node) -> bool:
    """Rewrite a GRU, LSTM or RNN whose lengths, if it has any, are those of the whole sequence."""
    batch_first = bool(attribute(node, "layout", 0))
    backward = BACKWARD.get(attribute(node, "direction", "forward"))
    inputs = [optional(node, index) for index in range(INPUTS)]
    used = _outputs_in_use(node)
    if backward is None or not used or not _is_whole(inputs, batch_first):
        return False
    needed = _without_defaults(inputs)
    if backward == (False,) and not batch_first and needed == inputs:
        return False
    chain = Chain(graph, node)
    if batch_first:
        needed = _time_first(chain, needed)
    cells = [_cell(chain, needed, order, backward) for order in range(len(backward))]
    return chain.finish(
        {node.outputs[i]: _result(chain, [cell[i] for cell in cells], i, batch_first) for i in used}
    )


def _outputs_in_use(node: ir.Node) -> list[int]:
    return [i for i, value in enumerate(node.outputs) if value.uses() or value.is_graph_output()]


def _without_defaults(inputs: list[ir.Value | None]) -> list[ir.Value | None]:
    """Return the inputs without lengths, and without states and peepholes of zeros."""
    return [None if i == LENGTHS or _zeros(i, value) else value for i, value in enumerate(inputs)]


def _result(chain: Chain, parts: list[ir.Value], index: int, batch_first: bool) -> ir.Value:
    """Return an output of the layer, from those of its cells."""
    result = _concatenate_parts(chain, parts, axis=1 if index == 0 else 0)
    if not batch_first:
        return result
    return chain.transpose(result, [2, 0, 1, 3] if index == 0 else [1, 0, 2])


def _time_first(chain: Chain, inputs: list[ir.Value | None]) -> list[ir.Value | None]:
    """Return the inputs of a batch-first layer, transposed to time first."""
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
    """Whether an initial state or peepholes equal their default."""
    array = array_of(value) if index in (*STATES, PEEPHOLES) else None
    return array is not None and not array.any()


def _cell(
    chain: Chain, inputs: Sequence[ir.Value | None], order: int, backward: Sequence[bool]
) -> list[ir.Value]:
    """Return one direction of the layer as a forward cell: its outputs, Y in the order of X."""
    node, count, plain_name = chain.node, len(backward), chain.node.name or ""
    x, *rest = inputs
    assert x is not None
    own = [None if v is None else _part(chain, v, order, count) for v in rest]
    while own[-1] is None:
        own.pop()
    attributes = _cell_attributes(node, order, count)
    if not any(backward):
        return chain.add_all(node.op_type, [x, *own], attributes, len(node.outputs), plain_name)
    name = f"{plain_name}_{'backward' if backward[order] else 'forward'}"
    sequence = _reverse_time(chain, x) if backward[order] else x
    outputs = chain.add_all(node.op_type, [sequence, *own], attributes, len(node.outputs), name)
    chain.new[-1].metadata_props[WITHIN_HOP] = "1"
    if backward[order]:
        outputs[0] = _reverse_time(chain, outputs[0])
    return outputs


def _cell_attributes(node: ir.Node, order: int, count: int) -> dict[str, ir.Attr]:
    """Return the attributes of one of `count` directions: its own activations, no direction and no layout."""
    dropped = ("direction", "layout", "activations")
    attributes = {name: item for name, item in node.attributes.items() if name not in dropped}
    functions = attribute(node, "activations", ())
    size = len(functions) // count
    if functions:
        own = list(functions[order * size : (order + 1) * size])
        attributes["activations"] = ir.AttrStrings("activations", own)
    return attributes


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
