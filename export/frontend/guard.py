"""Guard the inputs of a network with state: one NaN must not stay in it for ever."""

import onnx_ir as ir

from edgekit.export.own_operators.functions import define_functions
from edgekit.graph.model import FLOAT_NODE, FRONTEND_DOMAIN, Model
from edgekit.graph.nodes import unused_name, value_names

LARGEST = 2.0**60  # squares of it, and sums of many, stay finite in float32
LEAST = 2.0**-126  # smaller numbers are denormal; each takes processors many times as long


def guard_inputs(model: Model) -> Model:
    """Return a model whose float inputs, except states, pass ``edgekit::Finite`` first.

    NaN, infinity, numbers beyond `LARGEST` and denormals read as 0.
    A model without states is returned unchanged, and inputs with a guard stay.
    """
    if not model.states:
        return model
    graph_model = model.ir.clone()
    names = {v.name for v in model.given_inputs if v.dtype == ir.DataType.FLOAT}
    for value in [value for value in graph_model.graph.inputs if value.name in names]:
        if any(node.op_type != "Finite" for node in value.consumers()):
            insert_finite(graph_model, value, LEAST, LARGEST)
    return Model(graph_model)


def insert_finite(model: ir.Model, value: ir.Value, floor: float, limit: float) -> ir.Value:
    """Put ``edgekit::Finite`` between a graph input and all its readers; returns its output."""
    graph = model.graph
    node = ir.node(
        "Finite",
        [value],
        {"floor": floor, "limit": limit},
        domain=FRONTEND_DOMAIN,
        name=unused_name({node.name or "" for node in graph}, f"{value.name}/finite"),
    )
    output = node.outputs[0]
    output.name = unused_name(value_names(graph), f"{value.name}_finite")
    output.shape, output.type = value.shape, value.type
    node.metadata_props[FLOAT_NODE] = "1"
    users = [(user, index) for user, index in value.uses() if user is not node]
    for user, index in users:
        user.replace_input_with(index, output)
    if len(graph):
        graph.insert_before(graph[0], node)
    else:
        graph.append(node)
    define_functions(model)
    return output
