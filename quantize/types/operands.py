"""Types in which a node reads a tensor, if different from the stored type."""

from collections.abc import Mapping

import onnx_ir as ir

from edgekit.operators.qdq import COPY
from edgekit.operators.roles import LINEAR, RECURRENT, is_gate_sums, is_hidden_state
from edgekit.operators.scheme import QuantType, activation_type
from edgekit.quantize.calibrate.observers import Observer, range_of
from edgekit.quantize.recipe import Recipe
from edgekit.quantize.types.choose import TypePlan
from edgekit.quantize.types.kept_scales import type_with_recipe_scale

PRODUCTS = LINEAR | RECURRENT | {"MatMul"}  # matrix products: multiply-accumulates are theirs


def read_type(
    node: ir.Node, index: int, plan: TypePlan, observers: Mapping[str, Observer], recipe: Recipe
) -> QuantType:
    """Return the type in which an integer node reads its input `index`.

    It is that of the tensor, except in matrix products: they read an int8 copy of an int16 tensor unless it is wide in
    the plan.
    """
    value = node.inputs[index]
    assert value is not None
    kind = plan.types[str(value.name)]
    own = is_hidden_state(node, index) or is_gate_sums(node, index)
    as_it_is = node.op_type not in PRODUCTS or own
    if kind.dtype == "int8" or as_it_is or value.name in plan.wide:
        return kind
    copy = activation_type("int8", *range_of(observers[str(value.name)], recipe))
    return type_with_recipe_scale(copy, f"{value.name}{COPY}", recipe)
