"""HTML pages that need no other file: templates of Jinja2, every value escaped.

A page is a template next to the module that fills it; ``layout.html`` and ``parts.html`` are here, for all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

HERE = Path(__file__).parent


def fill(template: Path, **values: object) -> str:
    """Return a template with its values; a name without a value is an error.

    Args:
        template: the file; it may extend ``layout.html`` and import ``parts.html``.
        values: those of its names. Texts are escaped, `markupsafe.Markup` is HTML already.
    """
    return _environment(template.parent).get_template(template.name).render(values)


@cache
def _environment(folder: Path) -> Environment:
    return Environment(
        loader=FileSystemLoader([HERE, folder]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


@dataclass(frozen=True)
class Bar:
    """A row of ``parts.bars``.

    Attributes:
        name: the text before the bar.
        hint: the text shown under the pointer.
        pieces: one after another, each with its share of the longest row and its colour, a class of ``layout.html``.
        value: the text after the bar.
        stroke: the place of a second number, as a share of the longest row.
    """

    name: str
    hint: str
    pieces: Sequence[tuple[float, str]]
    value: str
    stroke: float | None = None


@dataclass(frozen=True)
class Column:
    """One of ``parts.histogram``: the height as a share of the tallest, and the text shown under the pointer."""

    height: float
    hint: str
