"""Float form of a network of integers: the same layers without quantizers, to compare the cost of both."""

import onnx_ir as ir

from edgekit.graph.model import Model
from edgekit.graph.nodes import add_initializer, bypass, is_unread, replace
from edgekit.graph.step_groups import select_group
from edgekit.operators.qdq import CELL_BITS, HIDDEN_OPERAND, stored_weight

QUANTIZE, DEQUANTIZE = "QuantizeLinear", "DequantizeLinear"


def float_form(model: Model) -> Model:
    """Return a network with its layers in float32, under their names; weights keep their rounded values.

    With step groups it is the network of the first one. Integers not made by a quantizer stay.
    """
    form = select_group(model, 0).describe(quantization={"recipe": "float32"})
    graph = form.ir.graph
    for node in list(graph):
        source = _float_source(graph, node) if node.op_type == DEQUANTIZE else None
        if source is not None and not bypass(graph, node, source):
            replace(graph, node, [ir.node("Identity", [source])])
    for node in list(graph):
        if node.op_type == QUANTIZE and is_unread(node):
            graph.remove(node, safe=True)
    for node in graph:  # how integer cells hold c and read h
        node.metadata_props.pop(CELL_BITS, None)
        node.metadata_props.pop(HIDDEN_OPERAND, None)
    return form


def _float_source(graph: ir.Graph, node: ir.Node) -> ir.Value | None:
    """Return the float source of a DequantizeLinear: a weight, or the input of its quantizer."""
    weight = stored_weight(node)
    if weight is not None:
        return add_initializer(graph, f"{node.outputs[0].name}_float", weight.real)
    producer = None if node.inputs[0] is None else node.inputs[0].producer()
    return producer.inputs[0] if producer is not None and producer.op_type == QUANTIZE else None
