"""Chips and boards by the names that people type, ``boards.toml``: the nearest target of each, or why there is none."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

from edgekit.base.errors import Problem


@dataclass(frozen=True)
class NamedBoard:
    """Some chips or boards with one nearest target.

    Attributes:
        names: as people write them.
        target: empty where there is none.
        chip: what it is.
        note: what the target leaves out, or why there is none; may be empty.
        exact: whether the names are whole, so that a longer one is another chip.
    """

    names: tuple[str, ...]
    target: str
    chip: str
    note: str = ""
    exact: bool = False

    @property
    def text(self) -> str:
        """The chip and the note."""
        return f"{self.chip}; {self.note}" if self.note else self.chip


@cache
def boards() -> tuple[NamedBoard, ...]:
    """Return every row."""
    text = (files("edgekit.targets") / "boards.toml").read_text(encoding="utf-8")
    rows = tomllib.loads(text)["board"]
    return tuple(NamedBoard(**{**row, "names": tuple(row["names"])}) for row in rows)


def find_board(name: str) -> NamedBoard | None:
    """Return the row of a chip or board; None where the table has none.

    The whole name counts first, then the longest name that it begins with.
    """
    asked, found, length = _plain(name), None, 0
    for known, row in _plain_names():
        if known == asked:
            return row
        if not row.exact and asked.startswith(known) and length < len(known):
            found, length = row, len(known)
    return found


def board_note(name: str, board: NamedBoard) -> str:
    """Return the line that says which target a name stands for."""
    return f"--target {name} is {board.target}: {board.text}"


def board_problem(name: str, targets: tuple[str, ...]) -> Problem:
    """Return the problem of a name that stands for no target."""
    board = find_board(name)
    allowed = ", ".join(targets)
    if board is not None:
        return Problem(f"target '{name}'", board.text, allowed, "take a target of the list")
    named = {_plain(known): known for row in boards() for known in row.names}
    near = get_close_matches(name.lower(), targets, n=1)
    near += [named[text] for text in get_close_matches(_plain(name), named, n=2, cutoff=0.7)]
    nearest = f"; '{near[0]}' is nearest" if near else ""
    step = f"choose one of these, or a board of `edgekit targets --boards`{nearest}"
    return Problem(f"target '{name}'", "unknown", allowed, step)


def _plain_names() -> Iterator[tuple[str, NamedBoard]]:
    """Yield every name, plain, with its row."""
    for row in boards():
        for name in row.names:
            yield _plain(name), row


def _plain(name: str) -> str:
    """A name without case, blanks, hyphens and the like."""
    return re.sub(r"[^a-z0-9]", "", name.lower())
