"""Merge the nodes after a float layer into it: a sum with a tensor of its shape, then a cheap function."""

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir

from edgekit.graph.facts import facts_of
from edgekit.graph.model import Model
from edgekit.operators.geometry import dims, optional
from edgekit.operators.roles import constant
from edgekit.targets.c.packing.filter_banks import bands_of

ACT, NUMBERS = "act", "act_numbers"  # attributes of a layer: a name of `ek_act`, and its a and b
ADDED = {"Conv": 3, "Gemm": 3}  # the input that is added to a layer's sums


def fuse_epilogues(model: Model) -> Model:
    """Return the model without the Add and the function that alone read a layer whose kernel takes them."""
    graph_model = model.ir.clone()
    graph = graph_model.graph
    order = {id(node): at for at, node in enumerate(graph)}
    for node in list(graph):
        layer, added = _layer(node, order)
        attributes = {} if added is not None else act_of(node)
        if layer is None or attributes is None or not _takes(layer):
            continue
        inputs = list(layer.inputs)
        if added is not None:
            inputs += [None] * (ADDED[layer.op_type] - len(inputs)) + [added]
        made = ir.node(layer.op_type, inputs, num_outputs=1, name=layer.name)
        made.attributes.update({**layer.attributes, **attributes})
        made.metadata_props.update(layer.metadata_props)
        old, new = node.outputs[0], made.outputs[0]
        new.name, new.shape, new.type = old.name, old.shape, old.type
        new.metadata_props.update(old.metadata_props)
        ir.convenience.replace_nodes_and_values(graph, layer, [node], [made], [old], [new])
        order[id(made)] = order[id(layer)]
        graph.remove(layer, safe=True)
    return Model(graph_model)


def _layer(node: ir.Node, order: Mapping[int, int]) -> tuple[ir.Node | None, ir.Value | None]:
    """Return the layer that a node completes, and its addend: a value that exists when the layer runs."""
    if node.domain != "":
        return None, None
    if node.op_type != "Add":
        return _layer_before(node.inputs[0] if node.inputs else None), None
    for value, other in (node.inputs, reversed(node.inputs)):
        layer = _layer_before(value)
        if layer is None or other is None or not _fits(layer, other):
            continue
        before = other.producer()
        if before is None or order[id(before)] < order[id(layer)]:
            return layer, other
    return None, None


def _layer_before(value: ir.Value | None) -> ir.Node | None:
    """The layer that makes a value, if one node alone reads it and it has no function yet."""
    layer = None if value is None else value.producer()
    return layer if layer is not None and _alone(layer) else None


def act_of(node: ir.Node) -> dict[str, ir.Attr] | None:
    """The attributes of a layer that takes this function of its sums; None where kernels have no such function."""
    act = facts_of(node).act
    if act is None:
        return None
    numbers = [act.a, act.b]
    for index, value in enumerate(node.inputs[1:3]):
        found = constant(value)
        if value is not None and (found is None or found.size != 1):
            return None
        if found is not None:
            numbers[index] = float(np.ravel(found)[0])
    for index, name in enumerate(("alpha", "beta")):
        if name in node.attributes:
            numbers[index] = node.attributes[name].as_float()
    return {ACT: ir.AttrString(ACT, act.name), NUMBERS: ir.AttrFloat32s(NUMBERS, numbers)}


def _fits(layer: ir.Node, other: ir.Value) -> bool:
    """Whether a tensor can be added to a layer, and nothing was yet."""
    free = layer.op_type in ADDED and optional(layer, ADDED[layer.op_type]) is None
    computed = constant(other) is None and other.dtype == ir.DataType.FLOAT
    return free and computed and dims(other) == dims(layer.outputs[0])


def _alone(layer: ir.Node) -> bool:
    """Whether one node alone reads a layer, which has no function yet."""
    y = layer.outputs[0]
    known = layer.domain == "" and layer.op_type in ADDED and ACT not in layer.attributes
    return known and len(y.uses()) == 1 and not y.is_graph_output()


def _takes(layer: ir.Node) -> bool:
    """Whether ``ek_conv_f32`` or ``ek_fc_f32`` computes a layer."""
    if layer.op_type == "Conv":
        return True
    w = constant(layer.inputs[1])
    transposed = layer.attributes.get("transB")
    turned = w if w is None or transposed is None or not transposed.as_int() else w.T
    return turned is not None and bands_of(turned) is None
