"""A Relu behind a float convolution becomes part of it: the convolution's kernel stores what is above 0."""

import onnx_ir as ir

from edgekit.graph.model import Model
from edgekit.operators.geometry import conv_shape
from edgekit.operators.roles import constant
from edgekit.targets.c.emit.conv import RELU
from edgekit.targets.c.emit.conv_dense import dense


def fuse_relus(model: Model) -> Model:
    """Return the model with the attribute `RELU` on convolutions in place of the Relu that alone reads them."""
    graph_model = model.ir.clone()
    graph = graph_model.graph
    for relu in list(graph):
        layer = relu.inputs[0].producer() if _is(relu, "Relu") and relu.inputs[0] else None
        if layer is None or not _takes(layer):
            continue
        made = ir.node("Conv", list(layer.inputs), {RELU: 1}, num_outputs=1, name=layer.name)
        made.attributes.update(layer.attributes)
        made.metadata_props.update(layer.metadata_props)
        old, new = relu.outputs[0], made.outputs[0]
        new.name, new.shape, new.type = old.name, old.shape, old.type
        new.metadata_props.update(old.metadata_props)
        ir.convenience.replace_nodes_and_values(graph, relu, [relu], [made], [old], [new])
        graph.remove(layer, safe=True)
    return Model(graph_model)


def _is(node: ir.Node, op_type: str) -> bool:
    return node.domain == "" and node.op_type == op_type


def _takes(layer: ir.Node) -> bool:
    """Whether ``ek_conv_f32`` computes a layer, and nothing but one Relu reads it."""
    y = layer.outputs[0]
    if not _is(layer, "Conv") or len(y.uses()) != 1 or y.is_graph_output():
        return False
    w = constant(layer.inputs[1])
    return w is None or dense("Conv", w, conv_shape(layer, list(w.shape[2:]))) is None
