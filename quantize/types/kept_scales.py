"""Scales and zero points that a recipe names, instead of those of the calibration."""

from collections.abc import Mapping

from edgekit.base.errors import Problem, UsageError
from edgekit.operators.qdq import COPY
from edgekit.operators.scheme import QuantType
from edgekit.quantize.recipe import Recipe
from edgekit.quantize.recipe_file import near


def type_with_recipe_scale(kind: QuantType, name: str, recipe: Recipe) -> QuantType:
    """Return a type with the scale and zero point that the recipe names, if it does."""
    if name not in recipe.scales:
        return kind
    scale, zero_point = recipe.scales[name]
    return QuantType(kind.dtype, scale, zero_point)


def refuse_unknown(recipe: Recipe, types: Mapping[str, QuantType]) -> None:
    """Raise a UsageError where scales are of tensors that the network does not have in integers."""
    known = {*types, *(f"{name}{COPY}" for name in types)}
    problems = [
        Problem(
            f"recipe {recipe.name!r}, scale {name!r}",
            "of no tensor that integers compute",
            near(name, types),
            "take the recipe.toml of a build of the same network, or leave out [scales]",
        )
        for name in recipe.scales
        if name not in known
    ]
    if problems:
        raise UsageError(problems)
