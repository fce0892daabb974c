"""The JSON Schema of sampler.toml, made from the fields that a reading fills."""

from dataclasses import MISSING, fields
from typing import Any

from edgekit.base.json_values import JsonObject
from edgekit.base.sampler_table import Roles
from edgekit.export.diffusion.description import OTHERS, SAMPLERS, Sampler
from edgekit.export.diffusion.schedule import SPACINGS, Schedule
from edgekit.export.diffusion.step_tables import PREDICTIONS, VARIANCES

Schema = JsonObject
NUMBER, TEXT = {"type": "number"}, {"type": "string"}
WORDS = {"prediction": PREDICTIONS, "spacing": SPACINGS, "variance": VARIANCES}


def sampler_schema() -> Schema:
    """Return the JSON Schema (draft 2020-12) of sampler.toml, read as TOML: keys and types, as in `read_sampler`.

    It leaves out which numbers make a sampler, and what depends on several keys at once.
    """
    first = _table(Sampler, WORDS)
    first["properties"] |= {"kind": {"enum": list(SAMPLERS)}, "schedule": _table(Schedule)}
    others = []
    for kind, made in OTHERS.items():
        other = _table(made)
        other["properties"] |= {"kind": {"const": kind}}
        others.append({**other, "required": ["kind"]})
    for table in (first, *others):
        table["properties"]["roles"] = _table(Roles)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "sampler.toml of EdgeKit",
        "anyOf": [first, *others],
    }


def _table(made: type[Any], words: JsonObject | None = None) -> Schema:
    known = {field.name: field.default for field in fields(made)}
    properties = {key: _value(key, default) for key, default in known.items()}
    for key, allowed in (words or {}).items():
        properties[key] = {"enum": list(allowed)}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _value(key: str, default: Any) -> Schema:
    """What a reading takes in the place of this default."""
    numbers = {"type": "array", "items": NUMBER}
    if key == "networks":
        return {"type": "object", "additionalProperties": TEXT}
    if default is MISSING:
        return {"type": "object", "additionalProperties": NUMBER}
    if key == "cut":
        return {"type": "array", "items": TEXT}
    if isinstance(default, tuple):
        return {"anyOf": [numbers, TEXT]} if key == "keys" else numbers
    if isinstance(default, bool):
        return {"type": "boolean"}
    if isinstance(default, float) or key in ("clip", "start_noise"):
        return NUMBER
    return {"type": "integer"} if isinstance(default, int) else TEXT
