"""Types of the weights of a layer: the recipe's, or the one that it names for them."""

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from edgekit.base.errors import ModelError, Problem, UsageError
from edgekit.graph.model import Model
from edgekit.operators.roles import GATE_SUMS, LINEAR, RECURRENT, constant
from edgekit.quantize.recipe import Recipe
from edgekit.quantize.recipe_file import near

WEIGHTS_AT = {"GRU": (1, 2), "LSTM": (1, 2)}  # inputs; of other layers the second alone


def weight_inputs(node: ir.Node) -> tuple[int, ...]:
    """Return the inputs of a layer that are real weights: not a W that is the identity."""
    return (2,) if GATE_SUMS in node.metadata_props else WEIGHTS_AT.get(node.op_type, (1,))


def weight_type(node: ir.Node, index: int, recipe: Recipe) -> str:
    """Return the type of the weights that are a layer's input `index`: ``int8`` or ``int4``."""
    return recipe.layers.get(_name(node, index), recipe.weights)


def refuse_layers(model: Model, recipe: Recipe) -> None:
    """Raise a UsageError with all names of layers' weights that are not in the network, or of half a cell."""
    layers = [n for n in model.ir.graph if n.op_type in LINEAR | RECURRENT | {"DeformConv"}]
    known = {_name(node, index) for node in layers for index in weight_inputs(node)}
    problems = [
        Problem(
            f"recipe {recipe.name!r}, layer {name!r}",
            "no weights of this name",
            near(name, known),
            "correct the name, or leave it out",
        )
        for name in recipe.layers
        if name not in known
    ]
    problems += [problem for node in layers if (problem := _half_cell(node, recipe))]
    if problems:
        raise UsageError(problems)


def refuse_infinite(nodes: Sequence[ir.Node]) -> None:
    """Raise a ModelError with all constants of nodes that no integers hold: NaN and infinity."""
    problems = [
        Problem(
            f"{node.op_type} '{node.name}'",
            f"its constant '{value.name}' holds NaN or infinity",
            "finite numbers, where integers compute",
            "take a large number for infinity, as -1e4 in a mask, or name the layer's tensors float32 in a recipe",
        )
        for node in nodes
        for value in node.inputs
        if value is not None
        and (array := constant(value)) is not None
        and array.dtype.kind == "f"
        and not np.isfinite(array).all()
    ]
    if problems:
        raise ModelError(problems)


def _half_cell(node: ir.Node, recipe: Recipe) -> Problem | None:
    """Return the problem of a recurrent layer whose weights of the input and of h have different types."""
    if len(weight_inputs(node)) < 2:
        return None
    types = {_name(node, index): weight_type(node, index, recipe) for index in weight_inputs(node)}
    if len(set(types.values())) < 2:
        return None
    found = ", ".join(f"{name!r} in {kind}" for name, kind in types.items())
    where = f"recipe {recipe.name!r}, {node.op_type} {node.name!r}"
    return Problem(where, found, "one type for both", "name both, or none")


def _name(node: ir.Node, index: int) -> str:
    value = node.inputs[index]
    return "" if value is None else str(value.name)
