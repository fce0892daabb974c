"""The options of recipes and their choices."""

from dataclasses import replace

import pytest

from edgekit.base.errors import UsageError
from edgekit.quantize.calibrate.observers import OBSERVERS
from edgekit.quantize.recipe import CHOICES, MEASURED, RECIPES, TRUTHS
from edgekit.quantize.recipe_file import parse_recipe, to_toml

W8A8 = RECIPES["w8a8"]


def test_the_choices_of_observers_are_all_there_are() -> None:
    assert set(CHOICES["observer"]) == {*OBSERVERS, MEASURED}


@pytest.mark.parametrize("key", TRUTHS)
@pytest.mark.parametrize("value", [True, False])
def test_what_was_measured_of_a_shipped_recipe_keeps_its_name(key: str, value: bool) -> None:
    recipe = replace(W8A8, **{key: value})  # type: ignore[arg-type]
    assert parse_recipe(to_toml(recipe), "it") == recipe
    with pytest.raises(UsageError, match="a name of its own"):
        parse_recipe(f'name = "w8a16"\n{key} = true', "it")
