"""Recipe ``float16``: the weights of a float network in half precision; it computes in float32 as before."""

from collections.abc import Iterator

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Array
from edgekit.graph.facts import facts_of
from edgekit.graph.model import Model, Quantization
from edgekit.graph.nodes import add_initializer
from edgekit.operators.roles import constant
from edgekit.quantize.recipe import HALF

LARGEST = float(np.finfo(np.float16).max)


def half_weights(model: Model) -> tuple[Model, tuple[str, ...]]:
    """Return the model with weights rounded to float16 (half to even), and notes on those beyond its range.

    They stay float32 tensors, so a target that stores halves has exact values. Biases, and tables that no product
    reads, stay unchanged.
    """
    result = Model(model.ir.clone())
    graph, outgrown = result.ir.graph, list[str]()
    rounded: dict[ir.Value, ir.Value] = {}
    for node, index, value, array in _weights(graph):
        if not np.abs(array).max(initial=0) <= LARGEST:
            outgrown.append(f"{node.op_type} {node.name!r}")
            continue
        if value not in rounded:
            half = array.astype(np.float16).astype(np.float32)
            rounded[value] = add_initializer(graph, f"{value.name}_half", half)
        node.replace_input_with(index, rounded[value])
    for value in rounded:
        if not value.uses() and value.is_initializer():
            del graph.initializers[str(value.name)]
    notes = (f"weights that float16 does not hold, kept in float32: {', '.join(outgrown)}",)
    return result.describe(quantization=Quantization(HALF)), notes if outgrown else ()


def _weights(graph: ir.Graph) -> Iterator[tuple[ir.Node, int, ir.Value, Array]]:
    """Yield the constant float weights of layers: node, place, value and array."""
    for node in graph:
        for index in facts_of(node).weights:
            value = node.inputs[index]
            array = constant(value)
            if value is None or array is None or array.dtype != np.float32:
                continue
            if node.op_type != "MatMul" or array.ndim == 2:
                yield node, index, value, array
