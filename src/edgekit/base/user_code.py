"""Code of the user, such as a factory: imported also from the working directory, and the line of its errors."""

import importlib
import os
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePath
from typing import Any

# Folders of code that belongs to no network.
LIBRARIES = {"site-packages", "dist-packages"}
EDGEKIT = PurePath(__file__).parent.parent
FIRST_SIGNAL = 128  # added to a signal's number by shells, and by the command line
PYTHON = sysconfig.get_path("stdlib")


class ExitOfUserCode(Exception):
    """The user's code ended the program, as ``sys.exit`` or a parser of arguments does."""


@contextmanager
def no_exit() -> Iterator[None]:
    """Raise `ExitOfUserCode` where the user's code ends the program; the end by a signal stays one."""
    try:
        yield
    except SystemExit as error:
        if isinstance(error.code, int) and error.code > FIRST_SIGNAL:
            raise
        found = ExitOfUserCode(f"the code ended the program with sys.exit({error.code!r})")
        raise found.with_traceback(error.__traceback__) from None


@contextmanager
def working_directory_importable() -> Iterator[None]:
    """Let modules of the working directory be imported, as `python -m` does and a console script does not."""
    here = os.getcwd()
    sys.path.insert(0, here)
    try:
        with no_exit():
            yield
    finally:
        sys.path.remove(here)


def import_attribute(module: str, name: str) -> Any:
    """Return what a module calls `name`; raises what the import raises."""
    with working_directory_importable():
        return getattr(importlib.import_module(module), name)


def user_error(error: BaseException) -> str:
    """Return the kind, the message and the line of an error in the user's code."""
    message = error.msg if isinstance(error, SyntaxError) else error
    return f"{type(error).__name__}: {message}{user_line(error)}"


def user_line(error: BaseException) -> str:
    """Return the innermost line of the user's code that led to an error; none if all are of libraries."""
    if isinstance(error, SyntaxError) and error.filename:
        name, text = PurePath(error.filename).name, (error.text or "").strip()
        return f", in {name} line {error.lineno}: {text}"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = PurePath(frame.filename)
        if is_users(path):
            return f", in {path.name} line {frame.lineno}: {frame.line}"
    return ""


def is_users(path: PurePath) -> bool:
    """Whether a source file is a user's: neither a library's nor Python's own."""
    return path.suffix == ".py" and not (
        LIBRARIES.intersection(path.parts)
        or path.is_relative_to(PYTHON)
        or path.is_relative_to(EDGEKIT)
    )
