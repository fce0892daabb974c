"""Output files that appear complete or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgekit.errors import Problem, UsageError


def output_problem(path: Path, source: Path | None = None) -> Problem | None:
    """Return why `path` cannot be written as an output made from `source`; None where it can."""
    where, step = f"output '{path}'", "name another file"
    if path.is_dir():
        return Problem(where, "a folder", "a file", step)
    if not path.absolute().parent.is_dir():
        return Problem(where, "its folder does not exist", "an existing folder", "make the folder")
    if source is not None and path.exists() and source.exists() and path.samefile(source):
        return Problem(where, "the input itself", "a file of its own", step)
    return None


@contextmanager
def replacing(path: Path, source: Path | None = None) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to; it takes the place of `path` at the end.

    Nothing is left behind and `path` is untouched when the body raises.

    Raises:
        UsageError: `path` cannot be written, or is `source`.
    """
    if problem := output_problem(path, source):
        raise UsageError(problem)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
