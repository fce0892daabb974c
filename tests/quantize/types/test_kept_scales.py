"""Scales that a recipe names stand instead of those of the calibration."""

from dataclasses import replace

import pytest

from edgekit.base.errors import UsageError
from edgekit.operators.scheme import QuantType
from edgekit.quantize.recipe import RECIPES
from edgekit.quantize.types.kept_scales import refuse_unknown, type_with_recipe_scale

KIND = QuantType("int8", 0.5, 3)
RECIPE = replace(RECIPES["w8a8"], scales={"a": (0.25, -7)})


def test_a_named_tensor_has_the_scale_of_the_recipe() -> None:
    assert type_with_recipe_scale(KIND, "a", RECIPE) == QuantType("int8", 0.25, -7)
    assert type_with_recipe_scale(KIND, "b", RECIPE) is KIND


def test_scales_of_other_tensors_are_refused_by_name() -> None:
    refuse_unknown(RECIPE, {"a": KIND, "b": KIND})
    with pytest.raises(UsageError, match=r"scale 'a'.*of no tensor that integers compute"):
        refuse_unknown(RECIPE, {"b": KIND})
