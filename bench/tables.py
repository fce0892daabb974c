"""Tables of results, on the screen and in pages of docs/, and the files in which their rows are kept."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Generic, TypeVar

import rich.table
from rich.console import Console

Row = TypeVar("Row")
WIDTH = 220  # of characters, where no terminal says its own


def line(cells: Sequence[str]) -> str:
    """A row as Markdown."""
    return f"| {' | '.join(cells)} |"


class Table:
    """Rows of text under a head; the last `numbers` columns of it are right-aligned in Markdown."""

    def __init__(self, *head: str, title: str = "", numbers: int = 0) -> None:
        """Begin with no rows."""
        self.head, self.title, self.numbers = head, title, numbers
        self.rows: list[Sequence[str]] = []

    def add_row(self, *cells: str) -> str:
        """Add a row; returns it as Markdown."""
        self.rows.append(cells)
        return line(cells)

    def show(self) -> None:
        """Print the table with frames."""
        framed = rich.table.Table(*self.head, title=self.title or None, title_justify="left")
        for cells in self.rows:
            framed.add_row(*cells)
        Console(width=None if sys.stdout.isatty() else WIDTH).print(framed)

    def markdown(self) -> str:
        """The table as Markdown."""
        words = len(self.head) - self.numbers
        rule = f"|{'---|' * words}{'--:|' * self.numbers}"
        return "\n".join([line(self.head), rule, *map(line, self.rows)])

    def put(self, page: Path, begin: str, end: str, text: str = "") -> None:
        """Write `text` and the table between two marks of a page; errors as `put_between`."""
        put_between(page, begin, end, text + self.markdown())


def put_between(page: Path, begin: str, end: str, text: str) -> None:
    """Write `text` between two marks of a page, in place of what is there; ValueError where a mark is missing."""
    before, rest = page.read_text(encoding="utf-8").split(begin, 1)
    _, after = rest.split(end, 1)
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")


def rows_between(page: Path, begin: str, end: str) -> list[list[str]]:
    """The rows of the table between two marks of a page, without its head."""
    text = page.read_text(encoding="utf-8").split(begin, 1)[1].split(end, 1)[0]
    return [[cell.strip() for cell in row[1:-1].split("|")] for row in text.split("\n") if row][2:]


@dataclass(frozen=True)
class ResultFile(Generic[Row]):
    """Results as a file of one JSON object a line, so that a run that was cut goes on where it stopped.

    Attributes:
        path: of the file; None keeps nothing.
        form: makes a row of the object's keys: a dataclass, or `dict`.
    """

    path: Path | None
    form: Callable[..., Row]

    def read(self) -> list[Row]:
        """All rows; none where there is no file."""
        if self.path is None or not self.path.is_file():
            return []
        lines = self.path.read_text(encoding="utf-8").splitlines()
        return [self.form(**json.loads(row)) for row in lines]

    def append(self, row: Row) -> None:
        """Write a row behind those that are there."""
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            facts = asdict(row) if is_dataclass(row) and not isinstance(row, type) else row
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(facts) + "\n")
