"""Few layers whose inputs are worth 16 bits: those that sum few products, with few multiply-accumulates.

Rounding errors of inputs average out in a sum of hundreds of products. In a sum of nine products they stay, and all
later layers get them. Such convolutions at the beginning of a network have a few percent of its multiply-accumulates.
"""

import math
from collections.abc import Collection, Iterator
from dataclasses import replace

import onnx_ir as ir

from edgekit.operators.geometry import dims
from edgekit.operators.roles import constant
from edgekit.operators.to_integer import to_integer
from edgekit.quantize.apply import ObservedModel, quantize_observed
from edgekit.quantize.recipe import NEAREST, Recipe
from edgekit.targets.macs import node_macs

MOST_PRODUCTS = 16  # that are summed for a value of the output
MOST_SHARE = 0.05  # of the multiply-accumulates of a hop
TYPE = "int16"


def wide_operands(seen: ObservedModel, recipe: Recipe) -> dict[str, str]:
    """Return types for the int8 inputs of convolutions that sum at most `MOST_PRODUCTS` products for a value.

    They are taken in the order of the graph. All layers that read them, also moved or as a state, have at most
    `MOST_SHARE` of all multiply-accumulates.
    """
    plan = seen.plan_types(recipe)
    group_of = {name: members for members in plan.groups for name in members}
    counts = node_macs(to_integer(quantize_observed(seen, replace(recipe, rounding=NEAREST), "")))
    room, chosen_types = MOST_SHARE * sum(counts.values()), dict[str, str]()
    for name in _first_inputs(seen.model.ir.graph):
        kind = plan.types.get(name)
        if (
            kind is None
            or kind.dtype != "int8"
            or not chosen_types.keys().isdisjoint(group_of[name])
        ):
            continue
        cost = sum(counts.get(str(node.name), 0) for node in _readers(seen, group_of[name]))
        if cost <= room:
            room -= cost
            chosen_types[name] = TYPE
    return chosen_types


def _first_inputs(graph: ir.Graph) -> Iterator[str]:
    """Yield the inputs of convolutions that sum few products, in the order of the graph."""
    for node in graph:
        weight = constant(node.inputs[1]) if node.op_type == "Conv" else None
        if weight is not None and math.prod(dims(node.inputs[1])[1:]) <= MOST_PRODUCTS:
            yield str(node.inputs[0].name)  # type: ignore[union-attr]


def _readers(seen: ObservedModel, names: Collection[str]) -> list[ir.Node]:
    """Return the nodes that read one of these tensors first."""
    return [
        n for n in seen.model.ir.graph if n.inputs and n.inputs[0] and n.inputs[0].name in names
    ]
