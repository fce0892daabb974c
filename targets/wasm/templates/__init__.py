"""JavaScript and types, with fields to fill in double braces."""

from collections.abc import Mapping
from importlib.resources import files


def filled(name: str, fields: Mapping[str, str]) -> str:
    """The text of a file of this folder, each ``{{field}}`` replaced."""
    text = (files(__name__) / name).read_text(encoding="utf-8")
    for field, value in fields.items():
        text = text.replace("{{" + field + "}}", value)
    return text
