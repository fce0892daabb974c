"""Epilogue of a float layer's kernel: a function of each sum, after a tensor of their shape was added."""

import onnx_ir as ir

from edgekit.operators.geometry import optional
from edgekit.targets.c.emit.base import Context, float_literal
from edgekit.targets.c.rewrite.epilogues import ACT, ADDED, NUMBERS


def epilogue_arguments(ctx: Context, node: ir.Node) -> list[str]:
    """Arguments act, a, b and add of the layer's kernel."""
    act, numbers = node.attributes.get(ACT), node.attributes.get(NUMBERS)
    name = "EK_NO_ACT" if act is None else act.as_string()
    a, b = (0.0, 0.0) if numbers is None else numbers.as_floats()
    added = optional(node, ADDED[node.op_type]) if node.op_type in ADDED else None
    add = "NULL" if added is None else ctx.pointer(added)
    return [name, float_literal(a), float_literal(b), add]
