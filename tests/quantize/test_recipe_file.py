"""Recipes as files: what is written is read back, and mistakes are named with what resembles them."""

from dataclasses import replace
from pathlib import Path

import pytest

from edgekit.base.errors import UsageError
from edgekit.quantize.recipe import RECIPES
from edgekit.quantize.recipe_file import find_recipe, parse_recipe, to_toml

W8A8 = RECIPES["w8a8"]

MINE = replace(
    W8A8,
    name="mine",
    observer="minmax",
    tensors={'a/"b" \\ ü': "int16", "c": "float32"},
    split_shortcut=True,
    layers={"first.weight": "int4"},
)


@pytest.mark.parametrize("recipe", [*RECIPES.values(), MINE], ids=lambda recipe: recipe.name)
def test_a_written_recipe_is_read_back(recipe: object) -> None:
    text = to_toml(recipe, {"c": "alone 20.1 dB"})  # type: ignore[arg-type]
    assert parse_recipe(text, "it") == recipe
    assert ("alone 20.1 dB" in text) == (recipe is MINE)


MISTAKES = {
    'name = "x"\nobserver = "msee"\nweigths = "int8"': ["'msee'", "mse, entropy", "'weights'"],
    'name = "x"\n[tensors]\na = "int9"': ["tensor 'a'", "'int9'", "'int8'"],
    'name = "x"\ntensors = 3': ["[tensors]"],
    'name = "x"\n[layers]\nfirst = "int16"': ["layer 'first'", "'int16'", "'int8'"],
    'name = "x"\nlayers = "int8"': ["[layers]"],
    'name = "x"\nrange_margin = 0': ["'range_margin'", "a number from 0.5 to 4"],
    'name = "x"\nequalize = "yes"': ["'equalize'", "true, false or"],
    'name = "x"\nquiet_copies = 1': ["'quiet_copies'", "true, false or"],
    'name = "x"\nmigrate = nan': ["'migrate'", "a number from 0 to 1"],
    'weights = "int8"': ["no name"],
    "name = ": ["not TOML"],
    "name = 3": ["a text"],
    'name = "x"\nactivations = "int8"': ["int8 weights"],
    'name = "w8a8"\nweights = "int8"\nactivations = "int16"': ["a name of its own"],
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_named(text: str, tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as raised:
        find_recipe(str(path))
    assert all(word in str(raised.value) for word in [*MISTAKES[text], "recipe.toml"])


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        find_recipe(str(tmp_path / "none.toml"))
