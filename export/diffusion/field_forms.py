"""Allowed values of the keys of sampler.toml: one form for checking a value and for its JSON Schema."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass

from edgekit.base.json_values import Json, JsonObject

NUMBER: JsonObject = {"type": "number"}
TEXT: JsonObject = {"type": "string"}
NUMBERS: JsonObject = {"type": "array", "items": NUMBER}


@dataclass(frozen=True)
class FieldForm:
    """Allowed values of a key.

    Attributes:
        words: the wording in a message.
        fits: whether a TOML value is allowed.
        schema: the same rule as JSON Schema.
    """

    words: str
    fits: Callable[[Json], bool]
    schema: JsonObject


def _is_number(value: Json) -> bool:
    return type(value) in (int, float)


def _is_text(value: Json) -> bool:
    return isinstance(value, str)


def _is_list(of: Callable[[Json], bool]) -> Callable[[Json], bool]:
    return lambda value: isinstance(value, list) and all(map(of, value))


def _is_table(of: Callable[[Json], bool]) -> Callable[[Json], bool]:
    return lambda value: isinstance(value, Mapping) and all(map(of, value.values()))


# by the key, where that decides; else by the default of its field
OF_KEY = {
    "networks": FieldForm(
        "a table of texts, as last = 'package.module:factory'",
        _is_table(_is_text),
        {"type": "object", "additionalProperties": TEXT},
    ),
    "cut": FieldForm("a list of names", _is_list(_is_text), {"type": "array", "items": TEXT}),
    "keys": FieldForm(
        "a list of numbers",
        lambda value: _is_text(value) or _is_list(_is_number)(value),
        {"anyOf": [NUMBERS, TEXT]},
    ),
    "clip": FieldForm("a number", _is_number, NUMBER),
    "start_noise": FieldForm("a number", _is_number, NUMBER),
}
TABLE = FieldForm(
    "a table of numbers",
    _is_table(_is_number),
    {"type": "object", "additionalProperties": NUMBER},
)
OF_DEFAULT = {
    tuple: FieldForm("a list of numbers", _is_list(_is_number), NUMBERS),
    bool: FieldForm("true or false", lambda value: isinstance(value, bool), {"type": "boolean"}),
    float: FieldForm("a number", _is_number, NUMBER),
    int: FieldForm("an integer", lambda value: type(value) is int, {"type": "integer"}),
}
WORD = FieldForm("a text", _is_text, TEXT)


def form_of(key: str, default: object) -> FieldForm:
    """Return the form of the values of a key whose field has this default."""
    if key in OF_KEY:
        return OF_KEY[key]
    return TABLE if default is MISSING else OF_DEFAULT.get(type(default), WORD)
