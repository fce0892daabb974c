"""Helpers for every pass: constants, static shapes, new initializers, replacing a node."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array


def is_constant(value: ir.Value | None) -> bool:
    """Return whether a value is an initializer; its content is not read."""
    return value is not None and not value.is_graph_input() and value.const_value is not None


def array_of(value: ir.Value | None) -> Array | None:
    """Return the content of an initializer, or None if the value is not a constant."""
    if value is None or value.is_graph_input() or value.const_value is None:
        return None
    return value.const_value.numpy()


def stored_array(value: ir.Value | None) -> Array | None:
    """Return the array of a constant, also of one that is stored with a DequantizeLinear."""
    producer = producer_of(value)
    if producer is not None and producer.op_type == "DequantizeLinear":
        return array_of(producer.inputs[0])
    return array_of(value)


def optional(node: ir.Node, index: int) -> ir.Value | None:
    """Return an input of a node; None if it is left out."""
    return node.inputs[index] if index < len(node.inputs) else None


def producer_of(value: ir.Value | None) -> ir.Node | None:
    """Return the node that computes a value; None of an input, a constant, and of no value."""
    return None if value is None else value.producer()


def static_shape(value: ir.Value | None) -> tuple[int, ...] | None:
    """Return the shape as integers, or None if a dimension is open or the rank is unknown."""
    if value is None or value.shape is None or not value.shape.is_static():
        return None
    return tuple(int(str(dim)) for dim in value.shape)


def nbytes(value: ir.Value | None) -> int:
    """Return the bytes of a tensor; 0 if its shape or type is open."""
    shape = static_shape(value)
    if value is None or shape is None or value.dtype is None:
        return 0
    return int(math.prod(shape) * value.dtype.itemsize)


def sole_user(value: ir.Value) -> ir.Node | None:
    """Return the only reader of `value`; None if there are more or it is a graph output."""
    if value.is_graph_output() or len(value.uses()) != 1:
        return None
    return value.consumers()[0]


def is_read(value: ir.Value) -> bool:
    """Return whether a node reads a value, or it is an output of the graph."""
    return bool(value.uses()) or value.is_graph_output()


def is_unread(node: ir.Node) -> bool:
    """Return whether nothing reads the outputs of a node."""
    return not any(map(is_read, node.outputs))


def remove_unread_constants(graph: ir.Graph) -> None:
    """Remove the initializers that nothing reads any more."""
    for name, value in list(graph.initializers.items()):
        if not is_read(value):
            del graph.initializers[name]


def values_by_name(graph: ir.Graph) -> dict[str, ir.Value]:
    """Return the inputs of a graph and the outputs of its nodes, by name."""
    computed = (value for node in graph for value in node.outputs)
    return {str(value.name): value for value in (*computed, *graph.inputs)}


def attribute(node: ir.Node, name: str, default: Any) -> Any:
    """Return an attribute's plain value, or `default` if the node does not set it."""
    found = node.attributes.get(name)
    return default if found is None else found.value


def value_names(graph: ir.Graph) -> set[str]:
    """Return the names of all values of the graph: inputs, initializers and node outputs."""
    names = {value.name for value in (*graph.inputs, *graph.initializers.values())}
    names.update(output.name for node in graph for output in node.outputs)
    return {name for name in names if name}


def named_outputs(node: ir.Node) -> list[ir.Value]:
    """Return the outputs of a node that have a name; unused optional outputs have none, and are no tensors."""
    return [value for value in node.outputs if value.name]


def unused_name(taken: set[str], base: str) -> str:
    """Return `base`, or `base` with the first free number as suffix."""
    name, number = base, 1
    while name in taken:
        name, number = f"{base}_{number}", number + 1
    return name


def add_initializer(graph: ir.Graph, base: str, array: Array) -> ir.Value:
    """Add a constant to the graph under a free name made from `base`."""
    name = unused_name(value_names(graph), base)
    tensor = ir.Tensor(np.ascontiguousarray(array).reshape(array.shape), name=name)
    value = ir.Value(
        name=name, shape=ir.Shape(array.shape), type=ir.TensorType(tensor.dtype), const_value=tensor
    )
    graph.register_initializer(value)
    return value


def replace(
    graph: ir.Graph,
    old: ir.Node,
    new: Sequence[ir.Node],
    results: Mapping[ir.Value, ir.Value] | None = None,
) -> None:
    """Replace `old` by `new`.

    `results` maps its outputs to the values that take over their uses and names; by default the last node's first
    output takes over.
    """
    new[-1].metadata_props.update(old.metadata_props)
    for node in new:
        node.meta.update(old.meta)  # the module that it stands in
    results = results or {old.outputs[0]: new[-1].outputs[0]}
    taken = value_names(graph)
    ir.convenience.replace_nodes_and_values(
        graph, old, [old], new, list(results), list(results.values())
    )
    inner = {value for node in new for value in node.outputs} - set(results.values())
    for value in inner:  # the graph numbers values without a look at those that came with names
        if value.name in taken:
            value.name = unused_name(taken | value_names(graph), value.name)


def bypass(graph: ir.Graph, node: ir.Node, source: ir.Value) -> bool:
    """Remove `node`, whose output equals `source`; False if the name of an output forbids it."""
    output = node.outputs[0]
    if output.is_graph_output():
        producer = source.producer()
        if producer is None or producer.graph is not graph or source.is_graph_output():
            return False
        name = output.name
        output.replace_all_uses_with(source, replace_graph_outputs=True)
        graph.remove(node, safe=True)
        source.name = name
        return True
    output.replace_all_uses_with(source)
    graph.remove(node, safe=True)
    return True
