"""recipe.toml: a recipe as a file that can be read, edited and passed back to ``--recipe``."""

import json
from collections.abc import Collection, Mapping
from dataclasses import MISSING, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from edgekit.base.errors import Problem, UsageError
from edgekit.base.toml_file import parse_toml, read_text
from edgekit.quantize.recipe import (
    ACTIVATION_TYPES,
    AUTO,
    CHOICES,
    FLOATS,
    HALF,
    LIMITS,
    MEASURED,
    OPEN,
    RECIPES,
    TRUTHS,
    WEIGHT_TYPES,
    Recipe,
)

MAX_BYTES = 1 << 22
LEAST_SCALE, LARGEST_SCALE = 1e-30, 1e30
FIELDS = {item.name: item for item in fields(Recipe)}
# Tables: the name of one entry, and its types.
TABLES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "layers": ("layer", WEIGHT_TYPES),
    "tensors": ("tensor", ACTIVATION_TYPES),
}
SCALES = "scales"
SCALARS = tuple(name for name in FIELDS if name not in TABLES and name != SCALES)


def find_recipe(given: str) -> Recipe:
    """Return a shipped recipe by its name, or that of a .toml file.

    Raises:
        UsageError: neither, or everything that is wrong with the file.
    """
    if given in RECIPES:
        return RECIPES[given]
    if Path(given).suffix.lower() == ".toml":
        return read_recipe(Path(given))
    found = "a search" if given == AUTO.name else "unknown"
    allowed = f"{', '.join(RECIPES)}, {AUTO.name} of `edgekit export`, or a recipe.toml"
    close = get_close_matches(given.lower(), RECIPES, n=1)
    step = f"choose one of them; {close[0]!r} is nearest" if close else "choose one of them"
    raise UsageError(Problem(f"recipe {given!r}", found, allowed, step))


def read_recipe(path: Path) -> Recipe:
    """Return the recipe of a file.

    Raises:
        UsageError: it cannot be read, or everything that is wrong with it.
    """
    where, step = f"recipe '{path.name}'", "give a recipe.toml that an export wrote"
    return parse_recipe(read_text(path, where, MAX_BYTES, step), where)


def parse_recipe(text: str, where: str) -> Recipe:
    """Return the recipe in a text; `where` names it in errors.

    Raises:
        UsageError: all its problems.
    """
    step = "correct the line, or start from a recipe.toml that an export wrote"
    given = parse_toml(text, where, step)
    problems = [problem for key in given for problem in _option_problems(key, given[key], where)]
    if "name" not in given:
        problems.append(Problem(where, "no name", 'name = "..."', "give the recipe a name"))
    if problems:
        raise UsageError(problems)
    base = RECIPES.get(given["name"], Recipe(given["name"]))  # files of older versions lack keys
    recipe = replace(base, **{key: _value_from_toml(key, value) for key, value in given.items()})
    if problem := _conflict(recipe, where):
        raise UsageError(problem)
    return recipe


def to_toml(recipe: Recipe, comments: Mapping[str, str] | None = None) -> str:
    """Return the text that `parse_recipe` reads back; `comments` follow the tensors they name."""
    lines = [f"{name} = {_value_to_toml(getattr(recipe, name))}" for name in SCALARS]
    for table, (_, types) in TABLES.items():
        if entries := getattr(recipe, table):
            lines += ["", f"# {', '.join(types)}", f"[{table}]"]
        for name, kind in entries.items():
            comment = (comments or {}).get(name)
            lines.append(
                f"{_value_to_toml(name)} = {_value_to_toml(kind)}{f'  # {comment}' if comment else ''}"
            )
    if recipe.scales:
        lines += ["", "# scale, zero point", f"[{SCALES}]"]
        lines += [
            f"{_value_to_toml(name)} = {json.dumps(pair)}" for name, pair in recipe.scales.items()
        ]
    return "\n".join(lines) + "\n"


def near(name: str, known: Collection[str]) -> str:
    """Return known names that resemble one, or all if none does and they are few."""
    close = get_close_matches(name, known, n=3, cutoff=0.5)
    listed = close or (sorted(known) if len(known) <= 8 else [])
    return ", ".join(map(repr, listed)) or "a name of the report"


def _option_problems(key: str, value: Any, where: str) -> list[Problem]:
    if key not in FIELDS:
        close = get_close_matches(key, FIELDS, n=1)
        step = f"correct the key; {close[0]!r} is nearest" if close else "correct the key"
        return [Problem(f"{where}, key {key!r}", "unknown", ", ".join(FIELDS), step)]
    if key == SCALES:
        return _scale_problems(value, where)
    if key in TABLES:
        return _table_problems(key, value, where)
    good, allowed = _scalar_check(key, value)
    return [] if good else [Problem(f"{where}, key {key!r}", repr(value), allowed, "correct it")]


def _scalar_check(key: str, value: object) -> tuple[bool, str]:
    """Whether an option may have a value, and which ones are allowed."""
    choices, default = CHOICES.get(key), FIELDS[key].default
    if choices is not None:
        return value in choices, ", ".join(choices)
    if key in TRUTHS:
        return isinstance(value, bool) or value == MEASURED, f'true, false or "{MEASURED}"'
    if isinstance(default, bool):
        return isinstance(value, bool), "true or false"
    if isinstance(default, int | float):
        return _number_check(value, *LIMITS[key], whole=isinstance(default, int))
    return isinstance(value, str) and bool(value) and value.isprintable(), "a text"


def _number_check(value: object, low: float, high: float, *, whole: bool) -> tuple[bool, str]:
    allowed = f"{'an integer' if whole else 'a number'} from {low} to {high}"
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        return False, allowed
    return low <= value <= high, allowed


def _table_problems(key: str, value: Any, where: str) -> list[Problem]:
    entry, types = TABLES[key]
    if not isinstance(value, dict):
        return [Problem(f"{where}, key {key!r}", repr(value), f"a table [{key}]", "correct it")]
    return [
        Problem(
            f"{where}, {entry} {name!r}", repr(kind), near(str(kind), types), "correct the type"
        )
        for name, kind in value.items()
        if kind not in types
    ]


def _scale_problems(value: Any, where: str) -> list[Problem]:
    if not isinstance(value, dict):
        return [
            Problem(f"{where}, key '{SCALES}'", repr(value)[:60], "a table [scales]", "correct it")
        ]
    allowed = f"a scale from {LEAST_SCALE:g} to {LARGEST_SCALE:g} and a zero point of 16 bits"
    return [
        Problem(f"{where}, scale {name!r}", repr(pair)[:60], allowed, "correct it")
        for name, pair in value.items()
        if not _is_scale(pair)
    ]


def _is_scale(pair: Any) -> bool:
    return (
        isinstance(pair, list)
        and len(pair) == 2
        and type(pair[0]) in (int, float)
        and LEAST_SCALE <= pair[0] <= LARGEST_SCALE
        and type(pair[1]) is int
        and -(2**15) <= pair[1] < 2**15
    )


def _value_from_toml(key: str, value: Any) -> Any:
    if key == SCALES:
        return {name: (float(scale), zero) for name, (scale, zero) in value.items()}
    default = FIELDS[key].default
    return float(value) if default is not MISSING and isinstance(default, float) else value


def _conflict(recipe: Recipe, where: str) -> Problem | None:
    """Return a problem if a shipped recipe's name has other settings than scales, sparsity, biases and measured ones.

    Integer activations need integer weights.
    """
    integer = {recipe.activations, *recipe.tensors.values()} - {"float32"}
    if recipe.weights in FLOATS and integer:
        found = f"{', '.join(sorted(integer))} activations"
        step = "set weights or types"
        return Problem(f"{where}, weights '{recipe.weights}'", found, "int8 weights", step)
    if recipe.weights == HALF and recipe != RECIPES[HALF]:
        found, step = "a recipe of its own", f"give --recipe {HALF}, which has nothing to set"
        return Problem(f"{where}, weights '{HALF}'", found, f"the recipe '{HALF}'", step)
    shipped = RECIPES.get(recipe.name, recipe)
    measured = {k: getattr(recipe, k) for k in OPEN if getattr(shipped, k) == MEASURED}
    free = replace(
        shipped,
        hop_scales=recipe.hop_scales,
        bias_correction=recipe.bias_correction,
        sparse=recipe.sparse,
        scales=recipe.scales,
        **measured,
    )
    if recipe != free:
        found = "the shipped recipe of this name is another one"
        step = "give it a name of its own, or undo the edits"
        return Problem(f"{where}, name {recipe.name!r}", found, "any other name", step)
    return None


def _value_to_toml(value: str | bool | float) -> str:
    return json.dumps(value, ensure_ascii=False)
