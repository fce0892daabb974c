"""Refuses sizes below zero before anything slices them, as they crash ONNX's shape inference.

An input shorter than a kernel has a size of -1 or less after it. So has an input after pads that remove more than all.
"""

from collections.abc import Iterator

import onnx
import onnx.inliner
import onnx.shape_inference

from edgekit.base.errors import ModelError, Problem

SLICE = "Slice"
# inference can get sizes below zero from them: by a subtraction, or from a constant
TAKING = frozenset(
    (
        "AveragePool",
        "CenterCropPad",
        "Conv",
        "ConvInteger",
        "ConvTranspose",
        "DFT",
        "DeformConv",
        "LpPool",
        "MaxPool",
        "MaxUnpool",
        "Pad",
        "QLinearConv",
        "Resize",
        "STFT",
        "Split",
        "TopK",
        "Upsample",
    )
)


def refuse_negative_sizes(proto: onnx.ModelProto) -> None:
    """Refuse a graph that slices a tensor with a size below zero; `proto` should hold no large weights.

    Shapes are inferred up to the first slices after a layer that may take too much, then up to the next.

    Raises:
        ModelError: a value has a size below zero.
    """
    whole = onnx.inliner.inline_local_functions(proto) if proto.functions else proto
    trusted = set[int]()
    while True:
        known, waiting = _inferable_nodes(whole.graph, trusted)
        if not waiting or trusted.issuperset(known):  # a body that has both is not looked into
            return
        part = onnx.ModelProto(ir_version=whole.ir_version, opset_import=whole.opset_import)
        part.graph.CopyFrom(whole.graph)
        del part.graph.node[:], part.graph.output[:]
        part.graph.node.extend(whole.graph.node[number] for number in known)
        refuse_inferred_sizes(onnx.shape_inference.infer_shapes(part, data_prop=True).graph)
        trusted.update(known)


def refuse_inferred_sizes(graph: onnx.GraphProto) -> None:
    """Refuse inferred values that have a size below zero.

    Raises:
        ModelError: naming them, the first of each chain alone.
    """
    sizes = {
        value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.value_info, *graph.output)
    }
    problems, wrong = [], set[str]()
    for node in graph.node:
        for name in node.output:
            if min(sizes.get(name, ()), default=0) >= 0:
                continue
            if wrong.isdisjoint(node.input):
                problems.append(_problem(node, name, sizes))
            wrong.add(name)
    if problems:
        raise ModelError(problems)


def _problem(node: onnx.NodeProto, name: str, sizes: dict[str, list[int]]) -> Problem:
    given = "x".join(map(str, sizes.get(next(iter(node.input), ""), ())))
    made = "x".join(map(str, sizes[name]))
    found = f"takes more than there is: of {given or 'its inputs'} it makes {made}"
    step = "give longer inputs (--shape INPUT=DIMS), or correct the layer's kernel or pads"
    return Problem(f"{node.op_type} '{node.name or name}'", found, "sizes of 0 or more", step)


def _inferable_nodes(graph: onnx.GraphProto, trusted: set[int]) -> tuple[list[int], bool]:
    """Return the nodes that can be inferred, and whether others wait for untrusted inputs of their slices."""
    doubtful, waiting = set[str](), set[str]()
    known: list[int] = []
    for number, node in enumerate(graph.node):
        kinds, reads = _kinds_and_reads(node)
        spoils = number not in trusted and not (
            kinds.isdisjoint(TAKING) and doubtful.isdisjoint(reads)
        )
        if not waiting.isdisjoint(reads) or (SLICE in kinds and spoils):
            waiting.update(node.output)
            continue
        known.append(number)
        if spoils:
            doubtful.update(node.output)
    return known, bool(waiting)


def _kinds_and_reads(node: onnx.NodeProto) -> tuple[set[str], set[str]]:
    """Return the operators of a node and its bodies, and the names that they read."""
    nodes = list(_inside(node))
    reads = {name for inner in nodes for name in inner.input if name}
    return {inner.op_type for inner in nodes}, reads


def _inside(node: onnx.NodeProto) -> Iterator[onnx.NodeProto]:
    """Yield the node and those of its bodies."""
    yield node
    for attribute in node.attribute:
        for body in (attribute.g, *attribute.graphs):
            for inner in body.node:
                yield from _inside(inner)
