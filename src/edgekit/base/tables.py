"""Reading tables of numbers, .csv and .tsv: a line for each moment, a column for each value; dates are left out."""

import csv
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from itertools import takewhile
from pathlib import Path

import numpy as np

from edgekit.base.arrays import Float64
from edgekit.base.errors import Problem, UsageError

TABLES = (".csv", ".tsv")
MAX_TABLE_BYTES = 1 << 30
ALLOWED = (
    "numbers in columns apart by comma, semicolon or tab, in UTF-8; the first line may hold titles, and the first "
    "columns dates and times as 2024-03-01T12:00:00"
)
_LARGEST = float(np.finfo(np.float32).max)
_DELIMITERS = ("\t", ";", ",")
_UNIT = r"(s|ms|us|ns|sec|seconds)"
_CLOCKS = re.compile(
    rf"({_UNIT}|t|time|timestamp|hop|index|sample|frame)?([ _(\[]+{_UNIT}[)\]]?)?", re.IGNORECASE
)


@dataclass(frozen=True)
class Table:
    """The numbers of a table, (lines, columns), and the titles of its columns, or none.

    `dates` are the titles of the first columns, or their numbers from 1, that held dates and times and are no values.
    """

    values: Float64
    titles: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()

    @property
    def has_clock(self) -> bool:
        """Whether the title of the first column names a time or a running number."""
        return bool(self.titles) and _CLOCKS.fullmatch(self.titles[0].strip()) is not None

    def without_clock(self) -> "Table":
        """Return the table without its first column."""
        return Table(self.values[:, 1:], self.titles[1:], self.dates)


def is_table(path: Path) -> bool:
    """Whether a file is a table, by its name."""
    return path.suffix.lower() in TABLES


def read_table(path: Path, limit: int = MAX_TABLE_BYTES) -> Table:
    """Read a table of numbers; the first line may hold titles, and empty lines are skipped.

    The first columns may hold dates and times of ISO 8601, which are left out. Columns end at a tab, else at a
    semicolon, else at a comma. A number may have a decimal comma where columns do not end at commas.

    Raises:
        UsageError: the file is missing, over `limit` bytes, no text or empty, or a line has another number of columns,
            a cell that is no finite number, or none of the dates that the first line has there; it names line and
            column, counted from 1.
    """
    text = _read_text(path, limit)
    lines = _numbered_lines(text)
    if not lines:
        raise _refuse(path, "is empty", "write a line for each moment")
    delimiter = next((mark for mark in _DELIMITERS if mark in lines[0][1]), ",")
    first = _cells(lines[0][1], delimiter)
    titles = _titles(first, delimiter)
    if not (rows := lines[bool(titles) :]):
        found = f"has no numbers, only the titles {', '.join(titles)}"
        raise _refuse(path, found, "write a line for each moment")
    dates = len(_leading_dates(_cells(rows[0][1], delimiter), delimiter))
    rows = _without_dates(path, rows, dates, delimiter)
    values = _numbers(rows, delimiter)
    if values is None or values.shape[1] != len(first) or not (abs(values) <= _LARGEST).all():
        found, step = _fault(rows, len(first), delimiter)
        raise _refuse(path, found, step)
    named = titles[:dates] or tuple(str(column) for column in range(1, dates + 1))
    return Table(values[:, dates:], titles[dates:], named)


def _numbered_lines(text: str) -> list[tuple[int, str]]:
    """Return the lines that are not empty, with their numbers from 1."""
    return [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip()]


def _titles(cells: list[str], delimiter: str) -> tuple[str, ...]:
    """Return the cells of the first line if they are titles; none if all are numbers, or dates before numbers."""
    values = cells[len(_leading_dates(cells, delimiter)) :]
    return tuple(cells) if any(_number(cell, delimiter) is None for cell in values) else ()


def _leading_dates(cells: Sequence[str], delimiter: str) -> list[str]:
    """Return the first cells of a line that hold dates and times."""
    return list(takewhile(lambda cell: _number(cell, delimiter) is None and _is_date(cell), cells))


def _is_date(cell: str) -> bool:
    """Whether a cell holds a date, a time or both, as ISO 8601 writes them."""
    for read in (datetime.fromisoformat, time.fromisoformat):
        try:
            read(cell.strip())
        except ValueError:
            continue
        return True
    return False


def _without_dates(
    path: Path, rows: list[tuple[int, str]], dates: int, delimiter: str
) -> list[tuple[int, str]]:
    """Return lines with zeros for the dates in their first columns, so that columns keep their numbers.

    Raises:
        UsageError: a line has no date there.
    """
    if not dates:
        return rows
    made = []
    for number, line in rows:
        cells = _cells(line, delimiter)
        for column, cell in enumerate(cells[:dates], 1):
            if not _is_date(cell):
                found = f"line {number}, column {column}: {_cell_text(cell)} is no date, as the lines before have there"
                raise _refuse(path, found, "correct it, or leave out this line or column")
        made.append((number, delimiter.join(["0"] * len(cells[:dates]) + cells[dates:])))
    return made


def _numbers(rows: list[tuple[int, str]], delimiter: str) -> Float64 | None:
    """Return the numbers of lines, (lines, columns); None where numpy cannot read them."""
    body = "\n".join(_plain_numbers(line, delimiter) for _, line in rows)
    try:
        return np.loadtxt(io.StringIO(body), delimiter=delimiter, ndmin=2, comments=None)
    except ValueError:
        return None


def _read_text(path: Path, limit: int) -> str:
    try:
        if (size := path.stat().st_size) > limit:
            raise _refuse(path, f"has {size} bytes", f"divide it: at most {limit} bytes each")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refuse(path, "is not UTF-8 text", "save it as CSV in UTF-8") from error
    except OSError as error:
        found = error.strerror or "cannot be read"
        raise _refuse(path, found, "check the path") from error


def _plain_numbers(line: str, delimiter: str) -> str:
    """Return a line without quotes, its decimal commas as points."""
    line = line.replace('"', "")
    return line if delimiter == "," else line.replace(",", ".")


def _cells(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter))


def _number(cell: str, delimiter: str) -> float | None:
    """Return the number in a cell that a float32 can hold; None where it holds none."""
    try:
        value = float(_plain_numbers(cell, delimiter).replace("_", "x"))
    except ValueError:
        return None
    return value if math.isfinite(value) and abs(value) <= _LARGEST else None


def _fault(rows: list[tuple[int, str]], columns: int, delimiter: str) -> tuple[str, str]:
    """Return what is wrong in the first line that cannot be read, and what to do about it."""
    for number, line in rows:
        cells = _cells(line, delimiter)
        if len(cells) != columns:
            found = f"line {number} has {len(cells)} columns, the first line {columns}"
            return found, "give each line as many numbers"
        for column, cell in enumerate(cells, 1):
            if _number(cell, delimiter) is None:
                found = f"line {number}, column {column}: {_cell_text(cell)} is no number that float32 holds"
                return found, "correct it, or leave out this line or column"
    return "numpy cannot read its lines", "write plain numbers"


def _cell_text(cell: str) -> str:
    return repr(cell.strip()[:40]) if cell.strip() else "an empty cell"


def _refuse(path: Path, found: str, step: str) -> UsageError:
    return UsageError(Problem(f"file '{path}'", found, ALLOWED, step))
