"""JSON Schema of recipe.toml, made from the checks on reading."""

from edgekit.base.json_values import JsonObject
from edgekit.quantize.recipe import CHOICES, LIMITS, MEASURED, TRUTHS
from edgekit.quantize.recipe_file import FIELDS, SCALARS, TABLES

Schema = JsonObject


def recipe_schema() -> Schema:
    """Return the JSON Schema (draft 2020-12) of recipe.toml, read as TOML: the demands of `parse_recipe` on each key.

    It leaves out rules over several keys: names of shipped recipes stand for the shipped settings, and integer
    activations need integer weights.
    """
    tables = {
        key: {"type": "object", "additionalProperties": {"enum": list(types)}}
        for key, (_, types) in TABLES.items()
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "recipe.toml of EdgeKit",
        "type": "object",
        "properties": {**{key: _scalar(key) for key in SCALARS}, **tables},
        "required": ["name"],
        "additionalProperties": False,
    }


def _scalar(key: str) -> Schema:
    default = FIELDS[key].default
    if key in CHOICES:
        return {"enum": list(CHOICES[key])}
    if isinstance(default, bool):
        return {"enum": [True, False, MEASURED]} if key in TRUTHS else {"type": "boolean"}
    if isinstance(default, int | float):
        low, high = LIMITS[key]
        kind = "integer" if isinstance(default, int) else "number"
        return {"type": kind, "minimum": low, "maximum": high}
    return {"type": "string", "minLength": 1}
