"""Tables that a bench writes into a page of docs/."""

from collections.abc import Iterable, Sequence
from pathlib import Path


def markdown(lines: Iterable[Sequence[str]]) -> str:
    """A table of cells; the second line is its rule."""
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def put_between(page: Path, begin: str, end: str, text: str) -> None:
    """Write `text` between two marks of a page, in place of what is there; ValueError where a mark is missing."""
    before, rest = page.read_text(encoding="utf-8").split(begin, 1)
    _, after = rest.split(end, 1)
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")


def cells_between(page: Path, begin: str, end: str) -> list[list[str]]:
    """The cells of the table between two marks of a page: its head and its rows, without the rule."""
    text = page.read_text(encoding="utf-8").split(begin, 1)[1].split(end, 1)[0]
    lines = [[cell.strip() for cell in line[1:-1].split("|")] for line in text.split("\n") if line]
    return [lines[0], *lines[2:]]
