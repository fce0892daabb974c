"""The schema of recipe.toml allows what a reading does."""

import tomllib
from typing import Any

import jsonschema
import pytest

from edgekit.base.errors import UsageError
from edgekit.quantize.recipe import MEASURED, RECIPES
from edgekit.quantize.recipe_file import parse_recipe, to_toml
from edgekit.quantize.recipe_schema import recipe_schema


def is_valid(data: dict[str, Any]) -> bool:
    return jsonschema.Draft202012Validator(recipe_schema()).is_valid(data)


@pytest.mark.parametrize("name", RECIPES)
def test_shipped_recipes_are_valid(name: str) -> None:
    assert is_valid(tomllib.loads(to_toml(RECIPES[name])))


@pytest.mark.parametrize(
    "line",
    [
        "weights = 'int3'",
        "equalize = 'maybe'",
        "migrate = 2",
        "step_groups = 1.5",
        "range_margin = true",
        "name = ''",
        "other = 1",
        "sparse = 'measured'",
        "tensors = 3",
        "tensors = {a = 'int7'}",
    ],
)
def test_what_a_reading_refuses_is_not_valid(line: str) -> None:
    text = line if line.startswith("name") else f"name = 'own'\n{line}"
    assert not is_valid(tomllib.loads(text))
    with pytest.raises(UsageError):
        parse_recipe(text, "recipe 'own.toml'")


@pytest.mark.parametrize(
    "line", [f"equalize = '{MEASURED}'", "migrate = 1", "range_margin = 2.5", "step_groups = 4"]
)
def test_what_a_reading_takes_is_valid(line: str) -> None:
    text = f"name = 'own'\n{line}"
    assert is_valid(tomllib.loads(text))
    assert parse_recipe(text, "recipe 'own.toml'").name == "own"
