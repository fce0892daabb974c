"""Reading tables of numbers, .csv and .tsv: a line for each moment, a column for each value."""

import csv
import io
import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgekit.base.arrays import Float64
from edgekit.base.errors import Problem, UsageError

TABLES = (".csv", ".tsv")
MAX_TABLE_BYTES = 1 << 30
ALLOWED = (
    "numbers in columns apart by comma, semicolon or tab, in UTF-8; the first line may hold titles"
)
_LARGEST = float(np.finfo(np.float32).max)
_DELIMITERS = ("\t", ";", ",")
_UNIT = r"(s|ms|us|ns|sec|seconds)"
_CLOCKS = re.compile(
    rf"({_UNIT}|t|time|timestamp|hop|index|sample|frame)?([ _(\[]+{_UNIT}[)\]]?)?", re.IGNORECASE
)


@dataclass(frozen=True)
class Table:
    """The numbers of a table, (lines, columns), and the titles of its columns, or none."""

    values: Float64
    titles: tuple[str, ...] = ()

    @property
    def has_clock(self) -> bool:
        """Whether the title of the first column names a time or a running number."""
        return bool(self.titles) and _CLOCKS.fullmatch(self.titles[0].strip()) is not None

    def without_clock(self) -> "Table":
        """Return the table without its first column."""
        return Table(self.values[:, 1:], self.titles[1:])


def is_table(path: Path) -> bool:
    """Whether a file is a table, by its name."""
    return path.suffix.lower() in TABLES


def read_table(path: Path, limit: int = MAX_TABLE_BYTES) -> Table:
    """Read a table of numbers; the first line may hold titles, and empty lines are skipped.

    Columns end at a tab, else at a semicolon, else at a comma. A number may have a decimal comma where columns do not
    end at commas.

    Raises:
        UsageError: the file is missing, over `limit` bytes, no text or empty, or a line has another number of columns
            or a cell that is no finite number; it names line and column, counted from 1.
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
    values = _numbers(rows, delimiter)
    if values is None or values.shape[1] != len(first) or not (abs(values) <= _LARGEST).all():
        found, step = _fault(rows, len(first), delimiter)
        raise _refuse(path, found, step)
    return Table(values, titles)


def _numbered_lines(text: str) -> list[tuple[int, str]]:
    """Return the lines that are not empty, with their numbers from 1."""
    return [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip()]


def _titles(cells: list[str], delimiter: str) -> tuple[str, ...]:
    """Return the cells of the first line if they are titles; none if all are numbers."""
    return tuple(cells) if any(_number(cell, delimiter) is None for cell in cells) else ()


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
                shown = repr(cell.strip()[:40]) if cell.strip() else "an empty cell"
                found = f"line {number}, column {column}: {shown} is no number that float32 holds"
                return found, "correct it, or leave out this line or column"
    return "numpy cannot read its lines", "write plain numbers"


def _refuse(path: Path, found: str, step: str) -> UsageError:
    return UsageError(Problem(f"file '{path}'", found, ALLOWED, step))
