"""Split shortcut: a convolution of joined channels becomes one per part, and their sum.

In a U-Net the tensors of decoder and encoder differ in range, and so do the weights that read them. Q-Diffusion (Li et
al., ICCV 2023, section 4.3) gives each part separate quantizers. Elementwise functions between the Concat and the
convolution are computed for each part. The network computes the same; the parts' sums are added in 16 bits.
"""

from collections.abc import Collection, Sequence

import numpy as np
import onnx_ir as ir
from onnx_ir.passes import common

from edgekit.export.passes.shapes import InferShapes
from edgekit.graph.model import Model
from edgekit.graph.nodes import add_initializer, array_of, attribute, replace
from edgekit.operators.geometry import dims
from edgekit.operators.roles import PARTIAL_SUM, TABLED

CHANNELS = 1  # the axis
SPLIT_FUNCTIONS = TABLED | {"Mul", "Add"}
Parts = tuple[ir.Value, ...]


def split_shortcut(model: Model, whole: Collection[str] = ()) -> Model:
    """Return the float model with every convolution of joined channels in parts, but those of weights named `whole`."""
    copy = model.ir.clone()
    graph = copy.graph
    known: dict[ir.Value, Parts] = {}
    for node in list(graph):
        if node.op_type != "Conv" or attribute(node, "group", 1) != 1:
            continue
        x, weight = node.inputs[0], node.inputs[1]
        if x is None or weight is None or array_of(weight) is None or weight.name in whole:
            continue
        if parts := _parts(x, graph, known):
            _split(graph, node, weight, parts)
    if not known:
        return model
    graph.sort()
    common.RemoveUnusedNodesPass()(copy)
    InferShapes()(copy)
    return Model(copy)


def _parts(value: ir.Value, graph: ir.Graph, known: dict[ir.Value, Parts]) -> Parts:
    """Return the tensors that a value joins along its channels, perhaps through elementwise functions; else ()."""
    node = value.producer()
    if value in known or node is None or node.domain:
        return known.get(value, ())
    found = _concat_parts(node) if node.op_type == "Concat" else ()
    if node.op_type in SPLIT_FUNCTIONS and len(node.outputs) == 1:
        joined = {v: _parts(v, graph, known) for v in node.inputs if v is not None}
        found = _split_elementwise(node, graph, joined)
    if found:
        known[value] = found
    return found


def _concat_parts(node: ir.Node) -> Parts:
    """Return the operands that a Concat joins along the channels; none if one is constant."""
    operands = tuple(operand for operand in node.inputs if operand is not None)
    along = attribute(node, "axis", 0) % len(dims(node.outputs[0])) == CHANNELS
    return operands if along and all(array_of(operand) is None for operand in operands) else ()


def _split_elementwise(node: ir.Node, graph: ir.Graph, joined: dict[ir.Value, Parts]) -> Parts:
    """Return a function of single elements for each part of its operands; the others must be numbers."""
    cut = [parts for parts in joined.values() if parts]
    numbers = all(parts or _is_number(operand) for operand, parts in joined.items())
    if len({_widths(parts) for parts in cut}) != 1 or not numbers:
        return ()
    made = []
    for number, part in enumerate(cut[0]):
        made.append(_like(node, _operands_of_part(node, joined, number), number))
        made[-1].outputs[0].shape, made[-1].outputs[0].type = part.shape, part.type
    graph.insert_after(node, made)
    return tuple(new.outputs[0] for new in made)


def _operands_of_part(
    node: ir.Node, joined: dict[ir.Value, Parts], number: int
) -> list[ir.Value | None]:
    own = {operand: parts[number] for operand, parts in joined.items() if parts}
    return [None if value is None else own.get(value, value) for value in node.inputs]


def _widths(parts: Parts) -> tuple[int, ...]:
    return tuple(dims(part)[CHANNELS] for part in parts)


def _is_number(value: ir.Value) -> bool:
    array = array_of(value)
    return array is not None and array.size == 1


def _like(node: ir.Node, operands: Sequence[ir.Value | None], number: int) -> ir.Node:
    """Return the same operator on other operands."""
    made = ir.node(node.op_type, operands, dict(node.attributes), name=f"{node.name}.part{number}")
    made.metadata_props.update(node.metadata_props)
    made.outputs[0].name = f"{node.outputs[0].name}.part{number}"
    return made


def _split(graph: ir.Graph, node: ir.Node, weight: ir.Value, parts: Parts) -> None:
    """Write one convolution for each part, the bias with the first."""
    ends = np.cumsum(_widths(parts))[:-1]
    whole = array_of(weight)
    assert whole is not None
    made = []
    for number, (part, taps) in enumerate(zip(parts, np.split(whole, ends, CHANNELS), strict=True)):
        bias = node.inputs[2:] if number == 0 else ()
        stored = add_initializer(graph, f"{weight.name}.part{number}", taps)
        made.append(_like(node, [part, stored, *bias], number))
        made[-1].metadata_props[PARTIAL_SUM] = ""
    total, sums = made[0].outputs[0], []
    for number, conv in enumerate(made[1:], 1):
        sums.append(ir.node("Add", [total, conv.outputs[0]], name=f"{node.name}.sum{number}"))
        total = sums[-1].outputs[0]
        total.name = f"{node.outputs[0].name}.sum{number}"
    replace(graph, node, [*made, *sums])
