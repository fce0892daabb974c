"""What a float layer's kernel does with its sums: a function of each, after a tensor of their shape was added."""

import numpy as np
import onnx_ir as ir

from edgekit.graph.facts import facts_of
from edgekit.operators.geometry import optional
from edgekit.operators.roles import constant
from edgekit.targets.c.emit.base import Context, float_literal

ACT, NUMBERS = "act", "act_numbers"  # attributes of a layer: a name of `ek_act`, and its a and b
ADDED = {"Conv": 3, "Gemm": 3}  # the input that is added to a layer's sums


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


def epilogue_arguments(ctx: Context, node: ir.Node) -> list[str]:
    """Arguments act, a, b and add of the layer's kernel."""
    act, numbers = node.attributes.get(ACT), node.attributes.get(NUMBERS)
    name = "EK_NO_ACT" if act is None else act.as_string()
    a, b = (0.0, 0.0) if numbers is None else numbers.as_floats()
    added = optional(node, ADDED[node.op_type]) if node.op_type in ADDED else None
    add = "NULL" if added is None else ctx.pointer(added)
    return [name, float_literal(a), float_literal(b), add]
