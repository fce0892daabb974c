"""Advice for an operand that must be a constant and is computed."""

from collections.abc import Sequence

import onnx_ir as ir


def to_bind(node: ir.Node, values: Sequence[ir.Value]) -> str:
    """Return the advice for operands that must be constants: bind the inputs they follow from, or cut before them."""
    inputs = _inputs_of(values)
    if inputs and all(value.dtype != ir.DataType.FLOAT for value in inputs):
        names = " ".join(f"--constant {value.name}=VALUE" for value in inputs)
        return f"bind what they follow from at the import of an .onnx: {names}; in a torch module make it a number"
    names = " and ".join(f"'{v.name}'" for v in node.inputs if v is not None and v in values)
    return (
        f"they follow from signals: let the network end before this node, with {names} and its other operands as "
        "outputs (of an .onnx: onnx.utils.extract_model), and do the rest in the program that calls it"
    )


def _inputs_of(values: Sequence[ir.Value]) -> list[ir.Value]:
    """The inputs of the graph that values follow from, by name."""
    waiting, seen = list(values), set[ir.Value]()
    while waiting:
        value = waiting.pop()
        if value not in seen:
            seen.add(value)
            node = value.producer()
            waiting += [] if node is None else [v for v in node.inputs if v is not None]
    return sorted((v for v in seen if v.is_graph_input()), key=lambda value: str(value.name))
