"""Converts float64 values of a network to float32; the import is still compared with its source."""

from collections.abc import Iterator

import numpy as np
import onnx_ir as ir

DOUBLE, FLOAT = ir.DataType.DOUBLE, ir.DataType.FLOAT
TYPES = ("to", "dtype")  # attributes that name an element type


def narrow_doubles(model: ir.Model) -> list[str]:
    """Convert float64 values that remain after folding of constants to float32; return notes."""
    graph = model.graph
    changed = list(_narrow_to_float32(graph))
    given = [value.name for value in graph.outputs if value.dtype == DOUBLE]
    for node in ir.traversal.RecursiveGraphIterator(graph):
        for value in node.outputs:
            if value.dtype == DOUBLE:
                value.type = ir.TensorType(FLOAT)
    notes = [f"output '{name}' is float64 in the source: the build gives float32" for name in given]
    if inner := [name for name in changed if name not in given]:
        notes.append(f"float64 is computed as float32: {', '.join(map(str, inner))}")
    return notes


def _narrow_to_float32(graph: ir.Graph) -> Iterator[str | None]:
    """Change constants and types in place; yield the first output of every node that computed in float64."""
    for value in graph.initializers.values():
        if value.dtype == DOUBLE and value.const_value is not None:
            array = value.const_value.numpy().astype(np.float32)
            value.const_value = ir.tensor(array, name=value.name)
            value.type = ir.TensorType(FLOAT)
    for node in ir.traversal.RecursiveGraphIterator(graph):
        _narrow_attributes(node)
        if node.op_type != "Cast" and any(value.dtype == DOUBLE for value in node.outputs):
            yield node.outputs[0].name


def _narrow_attributes(node: ir.Node) -> None:
    """Change float64 to float32 in attributes that name or hold it."""
    for name, attribute in list(node.attributes.items()):
        if name in TYPES and attribute.value == DOUBLE:
            node.attributes[name] = ir.Attr(name, ir.AttributeType.INT, int(FLOAT))
        elif attribute.type == ir.AttributeType.TENSOR and attribute.value.dtype == DOUBLE:
            array = attribute.value.numpy().astype(np.float32)
            node.attributes[name] = ir.AttrTensor(name, ir.tensor(array))
