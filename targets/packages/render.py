"""Templates of other languages: ``@name@`` is replaced by a fact, a line with a list's field is repeated for each row.

Braces, dollars and percents mean something in CMake, TOML, Rust and C++. ``@`` does so in CMake alone, where unknown
names stay as they are.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources.abc import Traversable

FIELD = re.compile(r"@(\w+)@")
Facts = Mapping[str, str]
Lists = Mapping[str, Sequence[Facts]]


def templates(folder: Traversable, at: str = "") -> Iterator[tuple[str, str]]:
    """Yield (path, text) of every file in a folder."""
    for item in sorted(folder.iterdir(), key=lambda item: item.name):
        if item.is_dir():
            yield from templates(item, f"{at}{item.name}/")
        else:
            yield at + item.name, item.read_text(encoding="utf-8")


def render_template(text: str, facts: Facts, lists: Lists) -> str:
    """Fill a template.

    Args:
        text: lines with fields.
        facts: the values of fields.
        lists: rows by name: a line with a field ``@name@`` or ``@name_...@`` comes once for each row of that list.
    """
    lines = []
    for line in text.splitlines():
        rows = _rows(line, lists)
        lines += [fill_fields(line, {**facts, **row}) for row in ([{}] if rows is None else rows)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def fill_fields(text: str, facts: Facts) -> str:
    """Fill the fields of a text; unknown ones stay."""
    return FIELD.sub(lambda found: facts.get(found[1], found[0]), text)


def _rows(line: str, lists: Lists) -> Sequence[Facts] | None:
    for field in FIELD.findall(line):
        for name, rows in lists.items():
            if field == name or field.startswith(f"{name}_"):
                return rows
    return None
