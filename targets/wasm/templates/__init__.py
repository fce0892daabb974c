"""Files with fields to fill: C in the words of `str.format`, JavaScript with fields in double braces."""

from collections.abc import Mapping
from importlib.resources import files


def template(name: str) -> str:
    """The text of a file of this folder."""
    return (files(__name__) / name).read_text(encoding="utf-8")


def filled(name: str, fields: Mapping[str, str]) -> str:
    """The text of a file of this folder, each ``{{field}}`` replaced."""
    text = template(name)
    for field, value in fields.items():
        text = text.replace("{{" + field + "}}", value)
    return text
