"""Choices of a search: for each group of tensors its types, their costs, and how they are tried."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir

from edgekit.base.arrays import Float32
from edgekit.graph.model import Model
from edgekit.operators.geometry import dims
from edgekit.operators.roles import RECURRENT, fused_activation, is_gate_sums
from edgekit.quantize.apply import ObservedModel, quantize_observed
from edgekit.quantize.recipe import Recipe
from edgekit.quantize.search.selectable import EXACT, Grid, Selectable, grid, make_selectable
from edgekit.quantize.types.choose import TypePlan
from edgekit.quantize.types.operands import PRODUCTS
from edgekit.quantize.types.weights import weight_inputs

# Cost of a hop in int8 multiply-accumulates: of one at each width, and of a byte that is stored. Cores with
# integer SIMD do 16-bit products at half the rate; small ones do floats one at a time.
MAC_COST = {"int8": 1.0, "int16": 2.0, "float32": 4.0}
BYTE_COST = 1.0
BYTES = {"int8": 1, "int16": 2, "float32": 4}


@dataclass(frozen=True)
class Option:
    """One way to store a group, and to read it in products.

    Attributes:
        stored: ``int8``, ``int16`` or ``float32``.
        read: the type in which matrix products read it: `stored`, or ``int8`` copies of int16.
        cost: of a hop, see `MAC_COST`.
        grids: by row of the selectable network.
        wide_macs: multiply-accumulates that it takes out of int8.
    """

    stored: str
    read: str
    cost: float
    grids: Mapping[int, Grid]
    wide_macs: int = 0


@dataclass(frozen=True)
class Group:
    """Tensors that share a type, the naming one first, and their options by cost."""

    tensors: tuple[str, ...]
    macs: int
    options: tuple[Option, ...]


@dataclass(frozen=True)
class Space:
    """All groups with their options, and the network in which they are tried."""

    model: Model
    groups: tuple[Group, ...]
    default: Float32

    def table(self, chosen: Mapping[int, int]) -> Float32:
        """Return the grids, (rows, 3), for the number of an option by the number of each group."""
        table = self.default.copy()
        for index, option in chosen.items():
            for row, values in self.groups[index].options[option].grids.items():
                table[row] = values
        return table


def make_space(seen: ObservedModel, recipe: Recipe, macs: Mapping[str, int]) -> Space:
    """Return the options of every group, for the other settings of a recipe.

    Args:
        seen: the float network and its ranges.
        recipe: observer, weights and preparation, and types of fixed tensors; other settings do not count.
        macs: multiply-accumulates of a hop by the name of the node.
    """
    wide = replace(recipe, activations="int16", products="int8", smooth_inputs="int16")
    narrow = replace(wide, activations="int8", smooth_inputs="int8")
    plans = {
        "int8": seen.plan_types(narrow),
        "int16": seen.plan_types(wide),
    }
    groups = plans["int16"].groups
    selectable = make_selectable(quantize_observed(seen, wide, ""), groups)
    inside = {name: count for name, count in macs.items() if name in plans["int16"].integer_nodes}
    read, written = _product_macs(seen.model, inside)
    sizes = {
        str(v.name): int(np.prod(dims(v)))
        for v in (*seen.model.ir.graph.inputs, *(v for n in seen.model.ir.graph for v in n.outputs))
        if v.dtype == ir.DataType.FLOAT
    }
    return Space(
        selectable.model,
        tuple(
            _group(index, members, plans, selectable, (sizes, read, written))
            for index, members in enumerate(groups)
            if index in selectable.stored
        ),
        selectable.default,
    )


def _group(
    index: int,
    members: tuple[str, ...],
    plans: Mapping[str, TypePlan],
    selectable: Selectable,
    counts: tuple[Mapping[str, int], ...],
) -> Group:
    """Return a group; `counts` are, by tensor: its elements, multiply-accumulates that read it, those that write it."""
    row, copies = selectable.stored[index], selectable.copies.get(index, ())
    size, macs, written = (sum(of.get(name, 0) for name in members) for of in counts)
    as_it_is = dict.fromkeys(copies, EXACT)
    kinds = {dtype: plan.types[members[0]] for dtype, plan in plans.items()}

    def option(stored: str, read: str, grids: Mapping[int, Grid]) -> Option:
        copied = size * BYTES[read] if stored != read else 0
        cost = BYTE_COST * (size * BYTES[stored] + copied) + macs * MAC_COST[read]
        # a layer whose result stays in float is computed in float
        lifted = written * (stored == "float32")
        cost += lifted * (MAC_COST["float32"] - MAC_COST["int8"])
        return Option(stored, read, cost, grids, lifted + macs * (read != "int8"))

    options = [
        option("int16", "int16", {row: grid(kinds["int16"]), **as_it_is}),
        option("float32", "float32", {row: EXACT, **as_it_is}),
    ]
    if macs:
        own = {i: selectable.default[i] for i in copies}
        options.insert(0, option("int16", "int8", {row: grid(kinds["int16"]), **own}))
    if kinds["int8"].dtype == "int8":
        options.insert(0, option("int8", "int8", {row: grid(kinds["int8"]), **as_it_is}))
    return Group(members, macs, tuple(options))


def _product_macs(model: Model, macs: Mapping[str, int]) -> tuple[dict[str, int], dict[str, int]]:
    """Multiply-accumulates by the tensor that they read, a recurrent cell's by x and by h; and that they write."""
    read: dict[str, int] = {}
    written: dict[str, int] = {}
    for node in model.ir.graph:
        total = macs.get(str(node.name), 0)
        if node.op_type not in PRODUCTS or not total:
            continue
        result = result_of(node)
        written[result] = total
        shares = {str(node.inputs[0].name): 1.0}  # type: ignore[union-attr]
        if node.op_type in RECURRENT:
            of_x, of_h = (
                float(np.prod(dims(node.inputs[i]))) if i in weight_inputs(node) else 0.0
                for i in (1, 2)
            )
            shares = {name: of_x / (of_x + of_h) for name in shares}
            shares[result] = of_h / (of_x + of_h)
            if is_gate_sums(node, 0):  # in float the whole cell is, and multiplies by the identity
                rows, gates = (int(np.prod(dims(node.inputs[0])[:2])), dims(node.inputs[1]))
                written[str(node.inputs[0].name)] = total + rows * int(np.prod(gates))  # type: ignore[union-attr]
        for name, share in shares.items():
            read[name] = read.get(name, 0) + round(total * share)
    return read, written


def result_of(node: ir.Node) -> str:
    """Return the name of the tensor that a product writes, after its fused activation."""
    fused = fused_activation(node)
    return next(str(v.name) for v in (node if fused is None else fused).outputs if v.name)
