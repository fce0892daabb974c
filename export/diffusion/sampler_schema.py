"""The JSON Schema of sampler.toml, made from the fields that a reading fills."""

from dataclasses import fields
from typing import TYPE_CHECKING

from edgekit.base.json_values import JsonObject
from edgekit.base.sampler_table import Roles
from edgekit.export.diffusion.description import OTHERS, SAMPLERS, Sampler
from edgekit.export.diffusion.field_forms import form_of
from edgekit.export.diffusion.schedule import SPACINGS, Schedule
from edgekit.export.diffusion.step_tables import PREDICTIONS, VARIANCES

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Schema = JsonObject
WORDS = {"prediction": PREDICTIONS, "spacing": SPACINGS, "variance": VARIANCES}


def sampler_schema() -> Schema:
    """Return the JSON Schema (draft 2020-12) of sampler.toml, read as TOML: keys and types, as in `read_sampler`.

    It does not check which numbers make a sampler, or rules over several keys.
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


def _table(made: "type[DataclassInstance]", words: JsonObject | None = None) -> Schema:
    known = {field.name: field.default for field in fields(made)}
    properties = {key: form_of(key, default).schema for key, default in known.items()}
    for key, allowed in (words or {}).items():
        properties[key] = {"enum": list(allowed)}
    return {"type": "object", "properties": properties, "additionalProperties": False}
