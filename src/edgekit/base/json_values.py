"""Types of JSON and TOML values."""

from typing import Any, TypeAlias

Json: TypeAlias = Any  # an object, a list, a text, a number, a truth value or null
JsonObject: TypeAlias = dict[str, Json]
