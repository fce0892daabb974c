"""Untrusted TOML of a user: its size is bounded, and errors are reported."""

import tomllib
from pathlib import Path

from edgekit.base.errors import Problem, UsageError
from edgekit.base.json_values import JsonObject


def read_text(path: Path, where: str, most_bytes: int, step: str) -> str:
    """Return the text of a file; `where` names it in errors, `step` is the advice in them.

    Raises:
        UsageError: it cannot be read, is larger, or is not UTF-8.
    """
    try:
        size = path.stat().st_size
        if size > most_bytes:
            raise UsageError(Problem(where, f"{size:,} bytes", f"at most {most_bytes:,}", step))
        return path.read_text(encoding="utf-8-sig")  # editors of Windows begin a file with a mark
    except (OSError, UnicodeDecodeError) as error:
        found = str(error.strerror) if isinstance(error, OSError) else "not UTF-8"
        raise UsageError(Problem(where, found, "a readable file", step)) from error


def parse_toml(text: str, where: str, step: str) -> JsonObject:
    """Return the values in a text; arguments as those of `read_text`.

    Raises:
        UsageError: it is not TOML, or holds an endless number or nesting without end.
    """
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(Problem(where, f"not TOML: {error}", "TOML", step)) from error
